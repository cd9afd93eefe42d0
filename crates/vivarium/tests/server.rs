//! A whole server as a process: how it starts, what it does for the command line, how it ends.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

const PASSWORD: &str = "a password for tests";

/// A server on a free port; ended when it goes out of scope.
struct Server {
    process: Child,
    _stdout: BufReader<ChildStdout>,
    url: String,
    data: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // In order, so that it leaves nothing; one that has ended already takes no signal.
        if matches!(self.process.try_wait(), Ok(None)) {
            signal(&self.process, "-TERM");
            drop(self.process.wait());
        }
    }
}

fn vivarium(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vivarium"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.args(words).env_clear().env("PATH", path).stdin(Stdio::null());
    command
}

impl Server {
    /// `None` where this host cannot isolate evaluations.
    fn start(settings: &str) -> Option<Self> {
        Self::start_in(tempfile::tempdir().unwrap(), settings)
    }

    fn start_in(data: tempfile::TempDir, settings: &str) -> Option<Self> {
        let config = data.path().join("vivarium.toml");
        // Plain Python is enough here, and ids of its own keep servers of other tests apart.
        let first_id = 1_000_000_000 + std::process::id() * 256;
        let common =
            format!("[runtimes]\ndefault_packages = []\n[sandbox]\nfirst_user_id = {first_id}\nuser_id_count = 256\n");
        std::fs::write(&config, format!("{common}{settings}")).unwrap();
        if !isolates(data.path(), &config) {
            eprintln!("skipped: `vivarium doctor` says that this host cannot run a server");
            return None;
        }
        let mut command = vivarium(&["serve", "--listen", "127.0.0.1:0", "--config", config.to_str().unwrap()]);
        command.args(["--data-dir", data.path().to_str().unwrap()]).env("VIVARIUM_ADMIN_PASSWORD", PASSWORD);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Some(Self { process, _stdout: stdout, url, data })
    }

    fn words<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        [words, &["--url", &self.url, "--data-dir", self.data.path().to_str().unwrap()]].concat()
    }

    fn run_script(&self, source: &str, words: &[&str]) -> Output {
        let mut command = vivarium(&self.words(&[&["run", "-"], words].concat()));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Starts a script that writes a line and goes on; returns when the line has arrived.
    fn start_script(&self, source: &str) -> (Child, BufReader<ChildStdout>) {
        let file = self.data.path().join("script.py");
        std::fs::write(&file, source).unwrap();
        let mut command = vivarium(&self.words(&["run", file.to_str().unwrap()]));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "begun\n");
        (child, stdout)
    }

    /// Until an instance is parked in the default runtime.
    fn until_parked(&self) {
        let begin = std::time::Instant::now();
        let line = r#"vivarium_pool_parked{runtime="0F35652CA7D041978BF0CBCB67531203"} 1"#;
        while !self.get("/metrics").1.contains(line) {
            assert!(begin.elapsed() < std::time::Duration::from_secs(30), "no instance is parked");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    fn get(&self, path: &str) -> (String, String) {
        let address = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }
}

fn isolates(data: &Path, config: &Path) -> bool {
    let words = ["doctor", "--data-dir", data.to_str().unwrap(), "--config", config.to_str().unwrap()];
    vivarium(&words).stdout(Stdio::null()).status().unwrap().success()
}

/// Processes below this one, each with the time of its start, so that no other one is taken for it (proc_pid_stat(5)).
fn descendants(ancestor: u32) -> Vec<(u32, u64)> {
    let mut found: Vec<(u32, u64)> = Vec::new();
    let mut processes: Vec<_> = std::fs::read_dir("/proc").unwrap().filter_map(|entry| status(&entry.ok()?)).collect();
    processes.sort_unstable_by_key(|(_, _, start)| *start);
    for (pid, parent, start) in processes {
        if parent == ancestor || found.iter().any(|(known, _)| *known == parent) {
            found.push((pid, start));
        }
    }
    found
}

/// Pid, parent and start of a process.
fn status(entry: &std::fs::DirEntry) -> Option<(u32, u32, u64)> {
    let pid = entry.file_name().to_str()?.parse().ok()?;
    let text = std::fs::read_to_string(entry.path().join("stat")).ok()?;
    let fields: Vec<_> = text.rsplit_once(") ")?.1.split(' ').collect();
    Some((pid, fields[1].parse().ok()?, fields[19].parse().ok()?))
}

/// Waits until none of these processes is left.
fn until_gone(processes: &[(u32, u64)]) {
    let begin = std::time::Instant::now();
    let left = |(pid, start): &(u32, u64)| {
        let entry = std::fs::read_dir("/proc").unwrap().flatten().find(|entry| *entry.file_name() == *pid.to_string());
        entry.as_ref().and_then(status).is_some_and(|(_, _, now)| now == *start)
    };
    while processes.iter().any(left) {
        assert!(begin.elapsed() < std::time::Duration::from_secs(20), "{processes:?} are still there");
        std::thread::yield_now();
    }
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const ENDLESS: &str = "import time\nprint('begun', flush=True)\nwhile True: time.sleep(0.01)\n";

#[test]
fn a_server_tells_that_it_lives_is_ready_and_what_it_has_done() {
    let Some(server) = Server::start("") else { return };
    assert!(server.get("/healthz").0.starts_with("HTTP/1.1 200"));
    let (head, body) = server.get("/readyz");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}\n{body}");
    let report: Value = serde_json::from_str(&body).unwrap();
    let names: Vec<_> = report["parts"].as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["database", "node", "interpreters", "sandbox"]);
    let (_, metrics) = server.get("/metrics");
    assert!(
        metrics.contains(r#"vivarium_http_requests_total{dialect="none",method="GET",route="/readyz",status="2xx"} 1"#),
        "{metrics}"
    );
    assert!(metrics.contains("vivarium_http_request_duration_seconds_bucket"), "{metrics}");
}

#[test]
fn a_script_runs_with_its_output_and_exit_status() {
    let Some(server) = Server::start("") else { return };
    let fine = server.run_script("import sys; print(6 * 7); print('talk', file=sys.stderr)", &[]);
    assert_eq!(
        (fine.status.code(), text(&fine.stdout).as_str(), text(&fine.stderr).as_str()),
        (Some(0), "42\n", "talk\n")
    );
    let left = server.run_script("import sys; print('x', end=''); sys.exit(7)", &["--runtime", "(default) vivarium"]);
    assert_eq!((left.status.code(), text(&left.stdout).as_str()), (Some(7), "x"));
    let failed = server.run_script("1 / 0", &[]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(text(&failed.stderr).contains("ZeroDivisionError: division by zero (line 1)"), "{}", text(&failed.stderr));
    let late = server.run_script("while True: pass", &["--timeout", "1"]);
    assert_eq!(late.status.code(), Some(124), "{}", text(&late.stderr));
}

#[test]
fn an_interrupt_cancels_the_evaluation() {
    let Some(server) = Server::start("") else { return };
    let (mut run, _stdout) = server.start_script(ENDLESS);
    signal(&run, "-INT");
    assert_eq!(run.wait().unwrap().code(), Some(130));
}

#[test]
fn a_stopped_runtime_refuses_until_it_is_started() {
    let Some(server) = Server::start("") else { return };
    let name = "(Default) Vivarium";
    assert!(vivarium(&server.words(&["runtime", "stop", name])).status().unwrap().success());
    let list = vivarium(&server.words(&["runtime", "list"])).output().unwrap();
    assert!(text(&list.stdout).contains("stopped"), "{}", text(&list.stdout));
    let refused = server.run_script("print(1)", &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("stopped"), "{}", text(&refused.stderr));
    assert!(vivarium(&server.words(&["runtime", "start", name])).status().unwrap().success());
    assert_eq!(text(&server.run_script("print(1)", &[]).stdout), "1\n");
    let list = vivarium(&server.words(&["runtime", "list", "--output", "json"])).output().unwrap();
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!((&list[0]["name"], &list[0]["stopped"]), (&name.into(), &false.into()));
}

#[test]
fn a_signal_ends_the_server_in_order_and_the_follower_learns_the_end() {
    let Some(mut server) = Server::start("[evaluations]\ngrace_seconds = 1\n") else { return };
    let (mut run, _stdout) = server.start_script(ENDLESS);
    signal(&server.process, "-TERM");
    assert_eq!(server.process.wait().unwrap().code(), Some(0));
    assert_eq!(run.wait().unwrap().code(), Some(130));
    let mut talk = String::new();
    run.stderr.take().unwrap().read_to_string(&mut talk).unwrap();
    assert!(talk.contains("the server was stopped"), "{talk}");
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let Some(mut server) = Server::start("[evaluations]\ngrace_seconds = 600\n") else { return };
    let (mut run, _stdout) = server.start_script(ENDLESS);
    signal(&server.process, "-TERM");
    let address = server.url.strip_prefix("http://").unwrap();
    while TcpStream::connect(address).is_ok() {
        std::thread::yield_now();
    }
    signal(&server.process, "-TERM");
    assert_eq!(server.process.wait().unwrap().code(), Some(130));
    drop(run.kill().and_then(|()| run.wait()));
    // The next start on the same data removes what this end left.
    let data = std::mem::replace(&mut server.data, tempfile::tempdir().unwrap());
    let Some(next) = Server::start_in(data, "") else { return };
    assert!(next.get("/readyz").0.contains("200"));
}

#[test]
fn a_data_directory_serves_one_server_at_a_time() {
    let Some(server) = Server::start("") else { return };
    let data = server.data.path().to_str().unwrap();
    let second = vivarium(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second.stderr).contains("another server uses it"), "{}", text(&second.stderr));
}

#[test]
fn parked_instances_serve_and_leave_with_their_runtime() {
    let Some(server) = Server::start("") else { return };
    server.until_parked();
    assert_eq!(text(&server.run_script("print(1)", &[]).stdout), "1\n");
    let (_, metrics) = server.get("/metrics");
    let runtime = r#"{runtime="0F35652CA7D041978BF0CBCB67531203"} 1"#;
    assert!(metrics.contains(&format!("vivarium_pool_hits_total{runtime}")), "{metrics}");
    server.until_parked();
    let parked = descendants(server.process.id());
    assert!(!parked.is_empty());
    assert!(vivarium(&server.words(&["runtime", "stop", "(Default) Vivarium"])).status().unwrap().success());
    until_gone(&parked);
    assert_eq!(descendants(server.process.id()), []);
}

#[test]
fn no_parked_instance_outlives_its_server() {
    for name in ["-TERM", "-KILL"] {
        let Some(mut server) = Server::start("") else { return };
        server.until_parked();
        let parked = descendants(server.process.id());
        assert!(!parked.is_empty(), "{name}");
        signal(&server.process, name);
        let code = server.process.wait().unwrap().code();
        assert_eq!(code, (name == "-TERM").then_some(0));
        until_gone(&parked);
    }
}
