//! One helper for tests with a real kernel.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used, clippy::print_stderr)]

use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;

use tokio::io::AsyncReadExt;
use vivarium_sandbox::{
    Exit, ExitStatus, IdRange, Instance, LauncherCommand, Mount, Plan, Sandbox, SandboxError, Settings,
};

pub fn launcher() -> LauncherCommand {
    LauncherCommand { program: env!("CARGO_BIN_EXE_vivarium-sandbox-launcher").into(), args: Vec::new() }
}

/// A name and ids of its own for each test, so that tests can run side by side.
pub fn settings(test: &str) -> Settings {
    let process = std::process::id();
    let mut settings = Settings::new(launcher(), format!("vivarium-test-{test}-{process}"));
    // Process ids end below 2^22, so the ranges end below 2^31.
    settings.ids = IdRange { first: 1_000_000_000 + process * 256, count: 256 };
    settings
}

/// `None`, loudly, on hosts that cannot give every layer.
pub fn sandbox(test: &str) -> Option<Sandbox> {
    match Sandbox::new(settings(test)) {
        Ok(sandbox) => {
            // A test that was killed had this process id perhaps.
            sandbox.remove_leftovers().unwrap();
            Some(sandbox)
        }
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// The host's programs and libraries, and nothing else of it.
pub fn plan(command: &str, args: &[&str]) -> Plan {
    let mut plan = Plan::new(command);
    plan.args = args.iter().map(ToString::to_string).collect();
    plan.environment.insert("PATH".into(), "/usr/bin:/bin".into());
    plan.mounts.push(Mount::Bind { source: "/usr".into(), target: "/usr".into(), exec: true });
    for name in ["/bin", "/lib", "/lib64"] {
        plan.mounts.push(part_of_host(name));
    }
    plan.mounts.extend([Mount::Proc, Mount::Dev]);
    plan.mounts.push(Mount::Scratch { target: "/tmp".into(), mode: 0o1777, exec: false });
    plan
}

fn part_of_host(name: &str) -> Mount {
    let target = Path::new(name).to_owned();
    match std::fs::read_link(name) {
        Ok(points_to) => Mount::Symlink { target, points_to },
        Err(_) => Mount::Bind { source: target.clone(), target, exec: true },
    }
}

pub fn shell(script: &str) -> Plan {
    plan("/bin/sh", &["-c", script])
}

pub fn python(script: &str) -> Plan {
    plan("/usr/bin/python3", &["-I", "-S", "-c", script])
}

/// What a whole run gave.
pub struct Run {
    pub exit: Exit,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn code(&self) -> i32 {
        match self.exit.status {
            ExitStatus::Code(code) => code,
            ExitStatus::Signal(signal) => panic!("signal {signal}: {}", self.stderr),
        }
    }
}

pub async fn run(sandbox: &Sandbox, plan: Plan) -> Run {
    try_run(sandbox, plan).await.unwrap()
}

pub async fn try_run(sandbox: &Sandbox, plan: Plan) -> Result<Run, SandboxError> {
    let instance = sandbox.spawn(plan).await?;
    Ok(finish(instance).await)
}

pub async fn finish(mut instance: Instance) -> Run {
    let pipes = instance.take_pipes().unwrap();
    let stdout = tokio::spawn(read_all(pipes.stdout));
    let stderr = tokio::spawn(read_all(pipes.stderr));
    let exit = instance.wait().await;
    Run { exit, stdout: stdout.await.unwrap(), stderr: stderr.await.unwrap() }
}

pub async fn read_all(pipe: OwnedFd) -> String {
    let mut receiver = tokio::net::unix::pipe::Receiver::from_owned_fd(pipe).unwrap();
    let mut bytes = Vec::new();
    receiver.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One line, to know that a script has come so far.
pub async fn read_line(receiver: &mut tokio::net::unix::pipe::Receiver) -> String {
    let mut line = Vec::new();
    loop {
        match receiver.read_u8().await {
            Ok(b'\n') | Err(_) => return String::from_utf8_lossy(&line).into_owned(),
            Ok(byte) => line.push(byte),
        }
    }
}

/// Host pids of all processes with this host uid.
pub fn processes_of(uid: u32) -> Vec<u32> {
    let of_uid = |entry: std::fs::DirEntry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let mut status = String::new();
        let path = entry.path().join("status");
        std::fs::File::open(path).ok()?.read_to_string(&mut status).ok()?;
        let line = status.lines().find(|line| line.starts_with("Uid:"))?;
        (line.split_whitespace().nth(1)? == uid.to_string()).then_some(pid)
    };
    std::fs::read_dir("/proc").unwrap().flatten().filter_map(of_uid).collect()
}
