//! The command line, as a person at a terminal or a script meets it, with the real program.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The program in an empty environment with a home of its own.
struct Shell {
    home: TempDir,
}

impl Shell {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vivarium"));
        command.args(words).env_clear().env("HOME", self.path()).current_dir(self.path());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).stdin(Stdio::null()).output().unwrap()
    }

    fn run_with_input(&self, words: &[&str], input: &str) -> Output {
        let mut command = self.command(words);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Who refuses its arguments may be gone before it has read.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        child.wait_with_output().unwrap()
    }

    /// The lines on standard error of a call that must fail with `status`, with the home shown as `HOME`.
    fn fault(&self, words: &[&str], status: i32) -> String {
        let output = self.run(words);
        let talk = stderr(&output).replace(self.path().to_str().unwrap(), "HOME");
        assert_eq!(output.status.code(), Some(status), "{talk}");
        assert!(output.stdout.is_empty(), "{}", stdout(&output));
        talk
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn help_is_enough_to_use_every_verb() {
    let shell = Shell::new();
    for verb in [
        "",
        "serve",
        "run",
        "runtime list",
        "runtime stop",
        "user add",
        "user list",
        "user remove",
        "doctor",
        "config show",
    ] {
        let words: Vec<_> = verb.split_whitespace().chain(["--help"]).collect();
        let output = shell.run(&words);
        assert_eq!(output.status.code(), Some(0), "{verb}");
        insta::assert_snapshot!(format!("help {verb}").trim().replace(' ', "-"), stdout(&output));
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let output = Shell::new().run(&["--version"]);
    assert_eq!(stdout(&output), concat!("vivarium ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_usage_is_told_with_status_2() {
    let shell = Shell::new();
    for words in [&["serv"][..], &["serve", "--nonsense"], &["user", "add", "anna"], &["run"], &[]] {
        shell.fault(words, 2);
    }
}

#[test]
fn every_setting_has_its_origin() {
    let shell = Shell::new();
    std::fs::write(shell.path().join("c.toml"), "[log]\nformat = \"json\"\n[server]\nlisten = \"127.0.0.1:1\"\n")
        .unwrap();
    let words = ["config", "show", "--config", "c.toml", "--node-name", "n1", "--output", "json"];
    let mut command = shell.command(&words);
    command
        .env("VIVARIUM_LISTEN", "127.0.0.1:2")
        .env("VIVARIUM_NODE_NAME", "n2")
        .env("VIVARIUM_ADMIN_PASSWORD", "geheim");
    command.env("VIVARIUM_DATABASE_URL", "postgres://anna:geheim@db/farm");
    let output = command.output().unwrap();
    assert!(!stdout(&output).contains("geheim"));
    let settings = json(&output);
    for (key, value, origin) in [
        ("server.listen", "127.0.0.1:2", "environment VIVARIUM_LISTEN"),
        ("server.node_name", "n1", "flag --node-name"),
        ("log.format", "json", "file"),
        ("log.filter", "info", "default"),
        ("database.url", "postgres://anna:********@db/farm", "environment VIVARIUM_DATABASE_URL"),
        ("administrator.password", "********", "environment VIVARIUM_ADMIN_PASSWORD"),
    ] {
        assert_eq!(settings[key]["value"], value, "{key}");
        assert_eq!(settings[key]["origin"], origin, "{key}");
    }
}

#[test]
fn the_defaults_are_finite_and_known() {
    let output = Shell::new().command(&["config", "show"]).env("HOME", "/home/anna").output().unwrap();
    insta::assert_snapshot!("config-show", stdout(&output));
}

#[test]
fn unknown_keys_and_wrong_types_are_named() {
    let shell = Shell::new();
    for (text, message) in [
        ("[server]\nlisen = 'x'", "unknown key `server.lisen`; did you mean `server.listen`"),
        ("listen = 'x'", "unknown key `listen`; did you mean `server.listen`"),
        ("[server]\nmax_connections = 'many'", "`server.max_connections` (from file): invalid type: string \"many\""),
        ("[server]\nmax_connections = -1", "`server.max_connections` (from file): invalid value: integer `-1`"),
        ("[proxy]\ntrusted = ['10.0.0.0/33']", "`proxy.trusted"),
        ("[sandbox]\nlower = ['walls']", "`sandbox.lower[0]` (from file): unknown variant `walls`"),
        ("[log]\nformat = 'xml'", "`log.format` (from file): unknown variant `xml`, expected `text` or `json`"),
        ("[server", "cannot use the configuration `c.toml`: TOML parse error at line 1"),
    ] {
        std::fs::write(shell.path().join("c.toml"), text).unwrap();
        let talk = shell.fault(&["config", "show", "--config", "c.toml"], 2);
        assert!(talk.starts_with("error: cannot use the "), "{talk}");
        assert!(talk.contains(message), "{talk}");
    }
    let talk = shell.fault(&["serve", "--config", "absent.toml"], 2);
    assert!(talk.starts_with("error: cannot use the configuration `absent.toml`: No such file"), "{talk}");
}

#[test]
fn a_server_that_cannot_start_says_why_and_what_to_do() {
    let shell = Shell::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let unreachable = "postgres://anna:geheim@127.0.0.1:1/farm";
    std::fs::write(shell.path().join("file"), "").unwrap();
    std::fs::write(shell.path().join("tls.toml"), "[tls]\ncertificate = 'absent.pem'\nkey = 'absent.pem'\n").unwrap();
    for (words, message) in [
        (&["serve", "--listen", &address][..], "error: cannot listen on `127.0.0.1:"),
        (&["serve", "--listen", "127.0.0.1:0", "--data-dir", "file"], "error: cannot use the data directory `"),
        (&["serve", "--listen", "127.0.0.1:0", "--database-url", unreachable], "error: cannot reach the database"),
        (
            &["serve", "--listen", "127.0.0.1:0", "--config", "tls.toml"],
            "error: cannot read the certificate from `absent.pem`",
        ),
    ] {
        let talk = shell.fault(words, 1);
        assert!(talk.starts_with(message), "{talk}");
        assert!(talk.contains("\nhint: "), "{talk}");
        assert!(!talk.contains("geheim"), "{talk}");
    }
}

#[test]
fn users_are_added_listed_and_removed() {
    let shell = Shell::new();
    let add = ["user", "add", "Anna", "--role", "mfpmonitor", "--role", "mfpoperator", "--password-stdin"];
    let added = shell.run_with_input(&add, "geheim\n");
    assert_eq!(added.status.code(), Some(0), "{}", stderr(&added));
    let users = json(&shell.run(&["user", "list", "--output", "json"]));
    assert_eq!(users[0]["name"], "Anna");
    assert_eq!(users[0]["roles"], serde_json::json!(["mfpoperator", "mfpmonitor"]));
    let again = shell.run_with_input(&["user", "add", "anna", "--password-stdin"], "x\n");
    assert_eq!(again.status.code(), Some(1));
    assert!(
        stderr(&again).starts_with("error: cannot add the user `anna`: a user `anna` exists already"),
        "{}",
        stderr(&again)
    );
    assert!(stdout(&shell.run(&["user", "list"])).contains("Anna"));
    assert_eq!(shell.run(&["user", "remove", "ANNA"]).status.code(), Some(0));
    assert_eq!(json(&shell.run(&["user", "list", "--output", "json"])), serde_json::json!([]));
    let gone = shell.fault(&["user", "remove", "anna"], 1);
    assert_eq!(gone, "error: cannot remove the user `anna`: there is no user `anna`\n");
}

#[test]
fn users_that_make_no_sense_are_refused() {
    let shell = Shell::new();
    for (words, input, message) in [
        (&["user", "add", "a/b", "--password-stdin"][..], "x\n", "`name`: must not contain"),
        (&["user", "add", "anna", "--password-stdin"], "\n", "`password`: must have 1 to 1024 bytes"),
        (&["user", "add", "anna", "--role", "king", "--password-stdin"], "x\n", "`king` is not a role"),
    ] {
        let output = shell.run_with_input(words, input);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{}", stderr(&output));
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let shell = Shell::new();
    std::fs::write(shell.path().join("token"), "t").unwrap();
    let words = ["runtime", "list", "--url", "http://127.0.0.1:1", "--token-file", "token"];
    let talk = shell.fault(&words, 1);
    assert!(talk.starts_with("error: cannot reach the server at `http://127.0.0.1:1`"), "{talk}");
    let talk = shell.fault(&["runtime", "list"], 1);
    assert!(talk.starts_with("error: cannot log in: there are no credentials\nhint: "), "{talk}");
    shell.fault(&["runtime", "list", "--url", "127.0.0.1:1"], 2);
}
