//! What scripts cannot see, and that many do not disturb each other.

use std::time::{Duration, Instant};

use futures::future::join_all;
use vivarium_domain::ports::Ending;

use crate::house::house;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_host_is_visible() {
    let Some(house) = house().await else { return };
    let source = r#"
import os
print(sorted(os.listdir('/')))
print(sorted(os.listdir('/etc')))
print(sorted(name for name in os.environ))
print(sorted(name for name in os.listdir('/proc') if name.isdigit()))
print(os.listdir('/home/sandbox'), os.listdir('/tmp'), os.getuid() != 0)
for path in ['/environment/x', '/vivarium/x', '/etc/x', '/usr/x', '/x']:
    try:
        open(path, 'w')
        print('wrote', path)
    except OSError:
        pass
"#;
    let ran = house.run(source).await;
    let lines: Vec<&str> = ran.out().lines().collect();
    let names = |line: &str| line.matches('\'').count() / 2;
    for hidden in ["'work'", "'opt'", "'boot'", "'mnt'", "'sys'"] {
        assert!(!lines[0].contains(hidden), "{}", lines[0]);
    }
    assert_eq!(names(lines[1]), 7, "{}", lines[1]);
    assert!(!lines[2].contains("CARGO") && lines[2].contains("OMP_NUM_THREADS"), "{}", lines[2]);
    assert_eq!(&lines[3..], ["['2']", "[] [] True"], "{}", ran.out());
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_of_the_host_are_not_importable() {
    let Some(house) = house().await else { return };
    for interpreter in vivarium_domain::ports::Environments::interpreters(&*house.environments) {
        let mut request = house.request("import sys, os\ntry:\n    import pip\n    print('pip', pip.__file__)\nexcept ImportError:\n    print('none')\nprint(os.listdir(os.path.join(os.path.dirname(os.__file__), 'site-packages')) if os.path.isdir(os.path.join(os.path.dirname(os.__file__), 'site-packages')) else [])").await;
        request.serving = house.serving(&interpreter.version.to_string(), &[]).await;
        let ran = house.run_request(request).await;
        assert_eq!(ran.out(), "none\n[]\n", "{interpreter:?} {}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_script_leaves_running_dies_with_it() {
    let Some(house) = house().await else { return };
    let source = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(1000)\n    os._exit(0)\nprint('parent')";
    let moment = Instant::now();
    let ran = house.run(source).await;
    assert_eq!((ran.out(), ran.outcome.ending.clone()), ("parent\n", Ending::Completed { output: None }));
    assert!(moment.elapsed() < Duration::from_secs(5), "a daemon with the pipes open holds nothing up");
    tokio::time::timeout(Duration::from_secs(10), house.sandbox.settled()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_at_once_are_never_mixed_up() {
    let Some(house) = house().await else { return };
    for round in 0..4 {
        let runs = (0..16).map(|number| {
            let house = &house;
            async move {
                let marker = round * 100 + number;
                let source = format!("import os\nopen('/tmp/mark', 'x').write('{marker}')\nprint({marker})\ndef get_results(): return int(open('/tmp/mark').read())");
                (marker, house.run(&source).await)
            }
        });
        for (marker, ran) in join_all(runs).await {
            assert_eq!((ran.out(), ran.output()), (format!("{marker}\n").as_str(), Some(marker.into())), "{ran:?}");
        }
    }
    house.sandbox.settled().await;
    assert_eq!(house.sandbox.live(), 0);
    let staging = house.data.path().join("environments/.staging");
    assert_eq!(std::fs::read_dir(staging).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_bomb_and_a_full_disk_stay_inside() {
    let Some(house) = house().await else { return };
    let mut request = house.request("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass").await;
    request.limits.resource.processes = 20;
    request.limits.time = Duration::from_secs(1);
    let ran = house.run_request(request).await;
    assert_eq!((ran.outcome.ending, ran.outcome.process_limit_hit), (Ending::TimeLimit, true));
    let mut request =
        house.request("with open('/tmp/big', 'wb') as file:\n    while True: file.write(bytes(1 << 20))").await;
    request.limits.resource.disk_mib = 8;
    let ran = house.run_request(request).await;
    assert!(ran.message().starts_with("OSError: [Errno 28] No space left on device"), "{}", ran.message());
}
