//! Source distributions that mean harm.

use std::net::TcpListener;

use vivarium_domain::runtime::PackageStatus;
use vivarium_python::{PythonSettings, SourceLimits};

use crate::house::{House, house, house_with};
use crate::index::{Index, Member};

/// A build that tries `attempt`, an expression, and tells in its module what came of it.
fn trying(attempt: &str) -> String {
    format!(
        "def build_wheel(directory, settings=None, metadata=None):\n    try:\n        seen = repr({attempt})\n    \
         except BaseException as error:\n        seen = 'failed: ' + type(error).__name__\n    \
         return wheel(directory, NAME, 'SEEN = ' + repr(seen))\n"
    )
}

/// What the attempt saw.
async fn seen(house: &House, name: &str, attempt: &str) -> String {
    house.module(name, &trying(attempt)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn t24_files_and_variables_of_the_host_are_not_there() {
    let Some(house) = house().await else { return };
    let secret = house.data.path().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    let shadow = seen(&house, "shadow", "open('/etc/shadow').read()").await;
    assert!(shadow.contains("failed: FileNotFoundError"), "{shadow}");
    let data = seen(&house, "datadir", &format!("open({secret:?}).read()")).await;
    assert!(data.contains("failed: FileNotFoundError"), "{data}");
    let accounts = seen(&house, "accounts", "open('/etc/passwd').read()").await;
    assert!(accounts.contains("sandbox") && !accounts.contains("daemon"), "{accounts}");
    let variables = seen(&house, "variables", "sorted(os.environ)").await;
    assert!(!variables.contains("CARGO") && !variables.contains("PIP_") && variables.contains("TMPDIR"), "{variables}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t24_nothing_outside_can_be_written_and_no_cache_be_poisoned() {
    let Some(house) = house().await else { return };
    let cache = house.data.path().join("installer/cache");
    let poison = seen(&house, "poison", &format!("open({:?}, 'w')", cache.join("poison"))).await;
    assert!(poison.contains("failed: FileNotFoundError"), "{poison}");
    assert!(cache.is_dir() && !cache.join("poison").exists());
    for (name, path) in [("systemdir", "/usr/lib/poison"), ("packages", "/environment/poison"), ("own", "/vivarium/x")]
    {
        let text = seen(&house, name, &format!("open({path:?}, 'w')")).await;
        assert!(text.contains("failed: "), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t24_the_environments_of_others_stay_as_they_are() {
    let Some(house) = house().await else { return };
    house.index.add_wheel("earlier");
    let serving = house.build(&["earlier"]).await.serving.unwrap();
    let tree = house.data.path().join("environments").join(&serving.environment).join("tree");
    let contents = || {
        let paths = std::fs::read_dir(&tree).unwrap().map(|entry| entry.unwrap().path());
        let mut all: Vec<_> = paths.map(|path| (std::fs::read(&path).unwrap_or_default(), path)).collect();
        all.sort();
        all
    };
    let before = contents();
    let wheel =
        "def build_wheel(directory, settings=None, metadata=None):\n    return wheel(directory, 'earlier', 'BAD')\n";
    let text = house.refusal("imitator", wheel).await;
    assert!(text.contains("not of itself"), "{text}");
    assert_eq!(contents(), before);
    assert_eq!(house.build(&["earlier"]).await.serving.unwrap(), serving);
    assert_eq!(std::fs::read_dir(house.data.path().join("installer/wheels")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn t24_without_a_sandbox_nothing_is_built() {
    let Some(house) = house().await else { return };
    house.index.add_project("unbuilt", &trying("1"));
    let without = house.without_sandbox().await;
    let text = without.refusal_of("unbuilt").await;
    assert!(text.contains("no usable wheels"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t24_the_network_is_not_there() {
    let Some(house) = house().await else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let attempt = format!("__import__('socket').create_connection(('127.0.0.1', {port}), 5)");
    let text = seen(&house, "network", &attempt).await;
    assert!(text.contains("failed: "), "{text}");
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test(flavor = "multi_thread")]
async fn t24_a_daemon_ends_with_its_build() {
    let Some(house) = house().await else { return };
    let daemon = "def build_wheel(directory, settings=None, metadata=None):\n    if os.fork() == 0:\n        \
                  os.setsid()\n        import time\n        time.sleep(10000)\n    return wheel(directory, NAME)\n";
    house.module("daemon", daemon).await;
    house.sandbox.settled().await;
    assert_eq!(house.sandbox.live(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn t24_limits_of_processes_memory_disk_and_time_hold() {
    let Some(house) = house().await else { return };
    let doing = |body: &str| format!("def build_wheel(directory, settings=None, metadata=None):\n    {body}\n");
    let bomb = house.refusal("bomb", &doing("while True: os.fork()")).await;
    assert!(bomb.contains("`bomb` 1.0 cannot be built from source") && bomb.contains("more processes"), "{bomb}");
    let memory = house.refusal("memory", &doing("x = [bytearray(1 << 24) for _ in range(1000)]")).await;
    assert!(memory.contains("more memory than 256 MiB"), "{memory}");
    let disk = house.refusal("disk", &doing("open('/tmp/x', 'wb').write(bytes(40 << 20))")).await;
    assert!(disk.contains("No space left on device"), "{disk}");
    let endless = house.refusal("endless", &doing("while True: pass")).await;
    assert!(endless.starts_with("Return code: 124.") && endless.contains("longer than the limit of 20 s"), "{endless}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t24_a_flood_of_output_is_cut_and_the_end_of_it_told() {
    let Some(house) = house().await else { return };
    let flood = "def build_wheel(directory, settings=None, metadata=None):\n    for _ in range(200_000):\n        \
                 print('x' * 200)\n    raise SystemExit('the end')\n";
    let text = house.refusal("flood", flood).await;
    assert!(text.contains("the end") && text.len() < 4000, "{}", text.len());
    let answer =
        "def build_wheel(directory, settings=None, metadata=None):\n    while True: os.write(3, b'x' * 65536)\n";
    let text = house.refusal("answer", answer).await;
    assert!(text.contains("cannot be built from source"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t24_archives_that_reach_outside_are_refused() {
    let Some(house) = house().await else { return };
    let cases = [
        ("dots", Member::File("dots-1.0/../../../tmp/x", ""), "lies outside"),
        ("absolute", Member::File("/tmp/x", ""), "lies outside"),
        ("link", Member::Symlink("link-1.0/x", "/etc"), "lies outside"),
        ("climb", Member::Symlink("climb-1.0/x", "../../etc"), "lies outside"),
        ("device", Member::Device("device-1.0/x"), "neither file, directory nor link"),
    ];
    for (name, member, reason) in cases {
        house.index.add(&format!("{name}-1.0.tar.gz"), &[member]);
        let text = house.refusal_of(name).await;
        assert!(text.contains(reason), "{name}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t24_what_is_no_wheel_of_itself_is_refused() {
    let Some(house) = house().await else { return };
    let giving = |body: &str| format!("def build_wheel(directory, settings=None, metadata=None):\n    return {body}\n");
    let other = house.refusal("other", &giving("wheel(directory, 'pip')")).await;
    assert!(other.contains("a wheel of `pip 1.0`, not of itself"), "{other}");
    let inner = house.refusal("inner", &giving("wheel(directory, 'pip', file='inner-1.0-py3-none-any.whl')")).await;
    assert!(inner.contains("not of itself"), "{inner}");
    let newer = house.refusal("newer", &giving("wheel(directory, NAME, version='9.0')")).await;
    assert!(newer.contains("not of itself"), "{newer}");
    let junk = "[open(directory + '/junk-1.0-py3-none-any.whl', 'w').write('x'), 'junk-1.0-py3-none-any.whl'][1]";
    let junk = house.refusal("junk", &giving(junk)).await;
    assert!(junk.contains("is no wheel"), "{junk}");
    let large = house.refusal("large", &giving("wheel(directory, NAME, 'x' * (9 << 20))")).await;
    assert!(large.contains("cannot be built from source"), "{large}");
    let forged = "os.write(3, b'{\"wheel\": \"../../forged.whl\"}\\nPK') or os._exit(0)";
    let forged = house.refusal("forged", &giving(forged)).await;
    assert!(forged.contains("its wheel has the name"), "{forged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t24_a_changed_archive_is_not_built() {
    let Some(house) = house().await else { return };
    house.index.promise("changed-1.0.tar.gz", &"0".repeat(64));
    let text = house.refusal("changed", &trying("1")).await;
    assert!(text.contains("the hash differs"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t24_build_requirements_are_names_and_come_as_wheels() {
    let Some(house) = house().await else { return };
    let project = |requires: &str| format!("[build-system]\nrequires = [{requires:?}]\nbuild-backend = 'x'\n");
    for (name, requires, reason) in [
        ("option", "-r /etc/passwd", "is no requirement"),
        ("address", "a @ file:///etc", "addresses are not allowed"),
        ("nowheel", "sourceonly", "cannot be had as wheels"),
    ] {
        house.index.add_project("sourceonly", &trying("1"));
        let path = format!("{name}-1.0/pyproject.toml");
        house.index.add(&format!("{name}-1.0.tar.gz"), &[Member::File(&path, &project(requires))]);
        let text = house.refusal_of(name).await;
        assert!(text.contains(reason), "{text}");
    }
}

/// The old way, with the real build system from the index that pip is configured to use.
#[tokio::test(flavor = "multi_thread")]
async fn t24_a_setup_script_sees_nothing_of_the_host() {
    let directory = Index::start();
    let secret = directory.directory().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    let script = format!(
        "import os, setuptools\nseen = sorted(os.environ)\nfor path in ('/etc/shadow', {secret:?}):\n    try:\n        \
         seen.append(open(path).read())\n    except OSError as error:\n        seen.append(type(error).__name__)\n\
         open('vvvlegacy.py', 'w').write(f'SEEN = {{seen!r}}')\n\
         setuptools.setup(name='vvvlegacy', version='1.0', py_modules=['vvvlegacy'])\n"
    );
    directory.add("vvvlegacy-1.0.tar.gz", &[Member::File("vvvlegacy-1.0/setup.py", &script)]);
    let link = directory.directory().to_str().unwrap().to_owned();
    let change = move |settings: &mut PythonSettings| {
        settings.installer.find_links = vec![link];
        settings.builds.source = SourceLimits::default();
    };
    let Some(house) = house_with(Index::start(), change).await else { return };
    let report = house.build(&["vvvlegacy"]).await;
    if let Some(fault) = &report.fault {
        println!("skipped: no package index: {fault}");
        return;
    }
    assert_eq!(report.packages[0].status, PackageStatus::Installed, "{report:?}");
    let text = house.installed(&report, "vvvlegacy");
    assert!(text.matches("FileNotFoundError").count() == 2, "{text}");
    assert!(!text.contains("CARGO") && !text.contains("PIP_"), "{text}");
}
