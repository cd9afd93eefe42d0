//! What scripts can rely on.

use serde_json::{Value, json};
use vivarium_domain::ports::Ending;

use crate::house::{House, house};

async fn result(house: &House, body: &str) -> Option<Value> {
    house.run(&format!("def get_results():\n    {body}")).await.output()
}

#[tokio::test(flavor = "multi_thread")]
async fn results_become_json() {
    let Some(house) = house().await else { return };
    for (body, expected) in [
        ("return 42", json!(42)),
        ("return 'é\\u20ac\\U0001f600'", json!("é€😀")),
        ("return None", json!(null)),
        ("return [1.5, True, {'a': (1, 2)}]", json!([1.5, true, {"a": [1, 2]}])),
        ("import datetime; return datetime.date(2024, 1, 15)", json!("2024-01-15")),
        ("import decimal; return decimal.Decimal('1.10')", json!("1.10")),
        ("return '\\ud800'.isalpha()", json!(false)),
    ] {
        assert_eq!(result(&house, body).await, Some(expected), "{body}");
    }
    let big = house.run("get_results = lambda: 2**200").await.outcome.ending;
    let digits = "1606938044258990275541962092341162602522202993782792835301376";
    assert_eq!(big, Ending::Completed { output: Some(digits.to_owned()) });
    assert_eq!(house.run("def get_results(a): return a").await.output(), None);
    assert_eq!(house.run("def get_results(a=1, *, b=2): return a + b").await.output(), Some(json!(3)));
    assert_eq!(house.run("get_results = 5").await.output(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_become_json_is_a_clear_failure() {
    let Some(house) = house().await else { return };
    for (body, reason) in [
        ("return object()", "a value of type `object` has no form in JSON"),
        ("return float('nan')", "JSON has no nan and no infinity"),
        ("a = []; a.append(a); return a", "Circular reference detected"),
        ("return 'x' * 2_000_000", "more than the limit of 1048576"),
        ("return {(1, 2): 3}", "keys must be str"),
    ] {
        let ran = house.run(&format!("def get_results():\n    {body}")).await;
        assert!(ran.message().starts_with("`get_results()` returned"), "{}", ran.message());
        assert!(ran.message().contains(reason) && ran.stderr.contains(reason), "{body}: {}", ran.message());
    }
    assert_eq!(
        house.run("def get_results():\n    return 1/0").await.message(),
        "ZeroDivisionError: division by zero (line 2)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_are_values_whatever_they_hold() {
    let Some(house) = house().await else { return };
    let hostile = "'); import os; os._exit(9) #\n\"\"\"\\ {0} $x é \u{1f600} \0";
    let values = [
        ("x", json!(hostile)),
        ("n", json!(9_007_199_254_740_993_i64)),
        ("list", json!(["it's", 2.5, null])),
        ("none", json!(null)),
        ("1st", json!("digit")),
        ("_p", json!("under")),
    ];
    let source = "class A:\n    p = $_p\ndef get_results():\n    return [$x, $n + 1, $list, $none or 'empty', $1st, A.p, f'{$n:,}', '$x']";
    let ran = house.run_with(source, &values).await;
    let expected = json!([
        hostile,
        9_007_199_254_740_994_i64,
        ["it's", 2.5, null],
        "empty",
        "digit",
        "under",
        "9,007,199,254,740,993",
        "$x"
    ]);
    assert_eq!(ran.output(), Some(expected));

    let ran = house.run_with("a = 1\nprint($y)", &values).await;
    assert_eq!(ran.message(), "SyntaxError: variable `$y` is not defined (line 2)");
    let ran = house.run_with("a = 1\nif $n = 2: pass", &values).await;
    assert_eq!(ran.message(), "SyntaxError: cannot assign to variable `$n`; hint: use `==` to compare (line 2)");
    assert!(ran.stderr.contains("hint: use `==`"));
    let ran = house.run_with("print(1); $n.missing", &values).await;
    assert!(ran.stderr.contains("    print(1); $n.missing\n"), "the traceback shows what was written: {}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_the_main_module() {
    let Some(house) = house().await else { return };
    let source = "import sys, os, pickle, multiprocessing\nclass A: pass\ndef get_results():\n    return [__name__, sys.argv, type(pickle.loads(pickle.dumps(A()))) is A, os.getcwd(), sys.stdin.read(), sys.flags.isolated, 'request' in globals()]\nif __name__ == '__main__': print('main')";
    let ran = house.run(source).await;
    assert_eq!(ran.out(), "main\n");
    assert_eq!(ran.output(), Some(json!(["__main__", ["<script>"], true, "/home/sandbox", "", 1, false])));
    let source = "open('own.py', 'w').write('value = 7')\nimport own\nprint(own.value)";
    assert_eq!(house.run(source).await.out(), "7\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_and_exit_handlers_run_to_their_end() {
    let Some(house) = house().await else { return };
    let source = "import threading, atexit, time\natexit.register(print, 'bye')\nthreading.Thread(target=lambda: (time.sleep(0.1), print('thread'))).start()\nprint('main')";
    assert_eq!(house.run(source).await.out(), "main\nthread\nbye\n");
    let daemon =
        "import threading, time\nthreading.Thread(target=lambda: time.sleep(1000), daemon=True).start()\nprint('main')";
    assert_eq!(house.run(daemon).await.out(), "main\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_bytes_with_a_limit() {
    let Some(house) = house().await else { return };
    let ran = house.run("import os\nos.write(1, b'\\xff\\xfe\\x00ok')\nprint('é😀')").await;
    assert_eq!(ran.stdout, b"\xff\xfe\0ok\xc3\xa9\xf0\x9f\x98\x80\n");
    let source = "import os, sys\nfor _ in range(100): os.write(1, b'x' * (1 << 20))\nprint('end', file=sys.stderr)";
    let ran = house.run(source).await;
    assert_eq!((ran.stdout.len(), ran.outcome.stdout_cut, ran.outcome.stderr_cut), (1 << 20, true, false));
    assert_eq!((ran.stderr.as_str(), ran.output()), ("end\n", None));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_a_script_forges_do_no_harm() {
    let Some(house) = house().await else { return };
    for forged in ["b'\\xff' * 100", "b'\\0\\0\\0\\x02{}'", "b'\\0\\0\\0\\x01'"] {
        let ran = house.run(&format!("import os\nos.write(3, {forged})\nos._exit(0)")).await;
        assert!(ran.message().contains("something else than a result"), "{forged}: {}", ran.message());
    }
    let ran = house.run("import os\nos.closerange(0, 100)\nos._exit(0)").await;
    assert_eq!(ran.outcome.ending, Ending::Completed { output: None });
    let ran = house.run("import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'import os; print(sorted(os.listdir(\"/proc/self/fd\")))'], capture_output=True, text=True).stdout)\nimport os\nif os.fork() == 0:\n    try: os.write(3, b'x')\n    except OSError as error: print(error.errno, flush=True)\n    os._exit(0)\nos.wait()").await;
    assert!(ran.out().starts_with("['0', '1', '2', '3']\n"), "descriptor 3 there is the listing itself: {}", ran.out());
    assert!(ran.out().ends_with("9\n"), "{}", ran.out());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_interpreter_runs_as_itself() {
    let Some(house) = house().await else { return };
    let interpreters = vivarium_domain::ports::Environments::interpreters(&*house.environments);
    println!("{} interpreters", interpreters.len());
    for interpreter in &interpreters {
        let version = interpreter.version.to_string();
        let mut request = house.request("import sys, ssl, sqlite3, ctypes, lzma, zoneinfo").await;
        request.source = "import sys, ssl, ctypes, lzma, zlib, hashlib, json, asyncio, multiprocessing.pool\ntry:\n    import zoneinfo\n    zoneinfo.ZoneInfo('Europe/Warsaw')\nexcept ImportError:\n    pass\nprint('%d.%d.%d' % sys.version_info[:3], f'{$x}')\nasync def one(): return 1\nassert asyncio.run(one()) == 1".to_owned();
        request.variables =
            vec![vivarium_domain::evaluation::BoundVariable { name: "x".to_owned(), value: json!("v") }];
        request.serving = house.serving(&version, &[]).await;
        let ran = house.run_request(request).await;
        assert_eq!(ran.out(), format!("{version} v\n"), "{}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_are_there_to_import() {
    let Some(house) = house().await else { return };
    let newest = vivarium_domain::ports::Environments::interpreters(&*house.environments)[0].version.to_string();
    let serving = house.serving(&newest, &["six", "numpy"]).await;
    if !serving.complete {
        println!("skipped: no package index");
        return;
    }
    let mut request = house.request("import six, numpy\nprint(six.__file__, six.__cached__.endswith('.pyc'))\ndef get_results():\n    return {'a': numpy.int64(3), 'b': numpy.arange(3), 'c': numpy.float64(1.5), 'd': numpy.datetime64('2024-01-15')}").await;
    request.serving = serving;
    let ran = house.run_request(request).await;
    assert_eq!(ran.output(), Some(json!({"a": 3, "b": [0, 1, 2], "c": 1.5, "d": "2024-01-15"})), "{}", ran.stderr);
    assert_eq!(ran.out(), "/environment/six.py True\n");
}
