//! What must go on working behind all walls: CPython, its standard library, and usual wheels.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use vivarium_sandbox::{Mount, Plan};

const STANDARD_LIBRARY: &str = include_str!("payloads/standard_library.py");
const WHEELS: &str = include_str!("payloads/wheels.py");
/// Every part that `standard_library.py` has.
const PARTS: usize = 22;

struct Interpreter {
    program: PathBuf,
    prefix: PathBuf,
}

/// The one on the search path and those of pyenv, each once.
fn interpreters() -> Vec<Interpreter> {
    let mut candidates = vec![PathBuf::from("/usr/bin/python3"), PathBuf::from("python3")];
    if let Some(home) = std::env::var_os("HOME") {
        let versions = std::fs::read_dir(Path::new(&home).join(".pyenv/versions")).into_iter().flatten().flatten();
        candidates.extend(versions.map(|entry| entry.path().join("bin/python3")));
    }
    let mut found: Vec<_> = candidates.iter().filter_map(|program| ask(program)).collect();
    found.sort_by(|one, other| one.prefix.cmp(&other.prefix));
    found.dedup_by(|one, other| one.prefix == other.prefix);
    found
}

/// `None` for versions that are not supported.
fn ask(program: &Path) -> Option<Interpreter> {
    let question = "import sys; print(sys.version_info >= (3, 10), sys.base_prefix, sys.version_info.minor)";
    let output = Command::new(program).args(["-I", "-c", question]).output().ok()?;
    let answer = String::from_utf8(output.stdout).ok()?;
    let [supported, prefix, minor] = answer.split_whitespace().collect::<Vec<_>>()[..] else {
        return None;
    };
    let prefix = PathBuf::from(prefix);
    let program = prefix.join(format!("bin/python3.{minor}"));
    (supported == "True").then_some(Interpreter { program, prefix })
}

/// Multiprocessing wants a main module with a path.
fn plan(interpreter: &Interpreter, script: &str) -> Plan {
    let mut plan = common::plan(interpreter.program.to_str().unwrap(), &["-I", "-B", "/script.py"]);
    plan.mounts.push(Mount::File { target: "/script.py".into(), contents: script.to_owned(), mode: 0o444 });
    if !interpreter.prefix.starts_with("/usr") {
        let prefix = interpreter.prefix.clone();
        plan.mounts.push(Mount::Bind { source: prefix.clone(), target: prefix, exec: true });
    }
    plan.limits.memory_bytes = 1 << 30;
    plan
}

#[tokio::test]
async fn the_standard_library_works_in_every_interpreter_of_this_machine() {
    let Some(sandbox) = common::sandbox("standard-library") else { return };
    let interpreters = interpreters();
    assert!(!interpreters.is_empty(), "no python3 on this machine");
    for interpreter in interpreters {
        let run = common::run(&sandbox, plan(&interpreter, STANDARD_LIBRARY)).await;
        let program = interpreter.program.display();
        eprintln!("{program}: {} parts work", run.stdout.lines().count());
        assert_eq!((run.stdout.lines().count(), run.code()), (PARTS, 0), "{program}: {}", run.stderr);
        assert_eq!(run.stderr, "", "{program}");
    }
    sandbox.close().await;
}

const PACKAGES: [&str; 5] = ["numpy", "pandas", "requests", "psycopg2-binary", "mstrio-py>=11.4"];
const DOWNLOAD: Duration = Duration::from_secs(240);

/// Fetched once into a folder that stays; `None`, loudly, without a network.
async fn wheels(interpreter: &Interpreter) -> Option<PathBuf> {
    let version = interpreter.program.file_name()?.to_str()?;
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sandbox-wheels-{version}"));
    if cache.is_dir() {
        return Some(cache);
    }
    let parts = cache.with_extension(std::process::id().to_string());
    let fetched = fetch(interpreter, &parts).await && std::fs::rename(&parts, &cache).is_ok();
    if !fetched {
        eprintln!("skipped: the wheels cannot be fetched");
        let _nothing_came = std::fs::remove_dir_all(&parts);
    }
    fetched.then_some(cache)
}

async fn fetch(interpreter: &Interpreter, target: &Path) -> bool {
    let options = ["-I", "-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary", ":all:"];
    let pip = tokio::process::Command::new(&interpreter.program)
        .args(options)
        // It exists as source only.
        .args(["--no-binary", "stringcase"])
        .args(["--retries", "1", "--timeout", "10", "--target"])
        .arg(target)
        .args(PACKAGES)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let Ok(mut pip) = pip else { return false };
    tokio::time::timeout(DOWNLOAD, pip.wait()).await.is_ok_and(|status| status.unwrap().success())
}

#[tokio::test]
async fn the_usual_wheels_work() {
    let Some(sandbox) = common::sandbox("wheels") else { return };
    let interpreters = interpreters();
    let Some(interpreter) = interpreters.iter().find(|one| one.program.ends_with("python3.12")).or(interpreters.last())
    else {
        eprintln!("skipped: no python3");
        return;
    };
    let Some(wheels) = wheels(interpreter).await else { return };
    let mut plan = plan(interpreter, WHEELS);
    plan.mounts.push(Mount::Bind { source: wheels, target: "/wheels".into(), exec: true });
    let users = "sandbox:x:1000:1000:sandbox:/tmp:/sbin/nologin\n".to_owned();
    plan.mounts.push(Mount::File { target: "/etc/passwd".into(), contents: users, mode: 0o444 });
    plan.scratch.bytes = 256 << 20;
    let run = common::run(&sandbox, plan).await;
    assert_eq!(run.stdout, "numpy\npandas\nrequests\npsycopg2\nmstrio\n", "{}", run.stderr);
    sandbox.close().await;
}
