//! Work on a source distribution in an instance of the sandbox: no network, nothing of the host's, limits on everything.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;
use vivarium_domain::runtime::Resource;
use vivarium_sandbox::{Exit, ExitStatus, Instance, Mount, Plan, Sandbox, SandboxError};

use super::system::BuildSystem;
use crate::instances::{Parts, plan};
use crate::interpreters::Installation;

const PROGRAM: &str = include_str!("build.py");
const PROGRAM_PATH: &str = "/vivarium/build.py";
/// Where the archive appears; `build.py` knows it too.
const ARCHIVE_PATH: &str = "/vivarium/source";
/// The line of JSON before a wheel; the text of a `pyproject.toml` may be in it.
const HEAD_BYTES: usize = 2 << 20;
/// What is kept of each stream: its end, where the reason stands.
const TALK_BYTES: usize = 32 << 10;

/// What one run needs.
pub(super) struct Cell<'build> {
    pub(super) sandbox: &'build Sandbox,
    pub(super) interpreter: &'build Installation,
    /// The archive on the host, readable for everyone.
    pub(super) archive: &'build Path,
    /// Installed build requirements.
    pub(super) packages: PathBuf,
    pub(super) empty: &'build Path,
    pub(super) resource: Resource,
    pub(super) time: Duration,
}

/// What is to be done.
#[derive(Serialize)]
pub(super) struct Order<'build> {
    /// `None` only reads `pyproject.toml`.
    backend: Option<&'build str>,
    backend_path: &'build [String],
    /// Do not ask for further requirements.
    last: bool,
}

impl<'build> Order<'build> {
    /// Reads what the project says; none of its code runs.
    pub(super) fn read() -> Self {
        Self { backend: None, backend_path: &[], last: false }
    }

    /// Builds.
    pub(super) fn build(system: &'build BuildSystem, last: bool) -> Self {
        Self { backend: Some(&system.backend), backend_path: &system.backend_path, last }
    }
}

/// What came out.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// The text of `pyproject.toml`.
    Project(Option<String>),
    /// Further build requirements.
    Wanted(Vec<String>),
    /// The name of the wheel; its bytes follow.
    Wheel(String),
    /// The archive is not to be used.
    Refused(String),
}

/// How a run failed.
#[derive(Debug)]
pub(super) struct Breakdown {
    /// As a shell tells it.
    pub(super) code: i32,
    pub(super) reason: String,
    /// The host's fault and not the package's.
    pub(super) transient: bool,
}

impl From<SandboxError> for Breakdown {
    fn from(error: SandboxError) -> Self {
        let hint = error.remedy().map(|remedy| format!("; hint: {remedy}")).unwrap_or_default();
        Self { code: 1, reason: format!("the sandbox for it could not be made: {error}{hint}"), transient: true }
    }
}

impl From<io::Error> for Breakdown {
    fn from(error: io::Error) -> Self {
        Self { code: 1, reason: format!("cannot talk to the sandbox of it: {error}"), transient: true }
    }
}

impl Cell<'_> {
    /// Runs to the end; the answer and the bytes after it, at most `limit`.
    pub(super) async fn run(&self, order: &Order<'_>, limit: usize) -> Result<(Answer, Vec<u8>), Breakdown> {
        let mut instance = self.sandbox.spawn(self.plan(order)?).await?;
        let heard = tokio::time::timeout(self.time, hear(&mut instance, limit)).await;
        let Ok(heard) = heard else {
            instance.kill();
            instance.wait().await;
            let reason = format!("it took longer than the limit of {} s", self.time.as_secs());
            return Err(Breakdown { code: 124, reason, transient: false });
        };
        let Heard { answer, talk, exit } = heard?;
        parsed(answer, limit).ok_or_else(|| self.breakdown(&exit, &talk, limit))
    }

    fn plan(&self, order: &Order<'_>) -> io::Result<Plan> {
        let parts = Parts { interpreter: self.interpreter, packages: self.packages.clone(), empty: self.empty };
        let mut plan = plan(&parts, &self.resource);
        plan.args = ["-I", "-S", "-B", "-u", "-X", "utf8", PROGRAM_PATH].map(str::to_owned).to_vec();
        plan.args.push(serde_json::to_string(order)?);
        let contents = PROGRAM.to_owned();
        plan.mounts.push(Mount::File { target: PROGRAM_PATH.into(), contents, mode: 0o444 });
        let (source, target) = (self.archive.to_owned(), ARCHIVE_PATH.into());
        plan.mounts.push(Mount::Bind { source, target, exec: false });
        Ok(plan)
    }

    fn breakdown(&self, exit: &Exit, talk: &str, limit: usize) -> Breakdown {
        let code = match exit.status {
            ExitStatus::Code(code) => code,
            ExitStatus::Signal(signal) => 128 + signal,
        };
        let Resource { memory_mib, processes, .. } = self.resource;
        let mut reason = match code {
            _ if exit.oom_killed => format!("it took more memory than {memory_mib} MiB"),
            0 => format!("it gave no wheel, or one of more than {} MiB", limit >> 20),
            _ => last_lines(talk),
        };
        if exit.process_limit_hit {
            reason.push_str(&format!("\nit started more processes than {processes}"));
        }
        if wants_compiler(talk) {
            reason
                .push_str("\nit needs a compiler, and there is none in builds: only pure Python packages can be built");
        }
        Breakdown { code: code.max(1), reason, transient: false }
    }
}

struct Heard {
    answer: Vec<u8>,
    talk: String,
    exit: Exit,
}

/// Reads everything to its end; that comes when the last process is dead. Who says too much is ended.
async fn hear(instance: &mut Instance, limit: usize) -> io::Result<Heard> {
    let pipes = instance.take_pipes().ok_or_else(|| io::Error::other("its pipes were taken"))?;
    let (stdout, stderr) = (Receiver::from_owned_fd(pipes.stdout)?, Receiver::from_owned_fd(pipes.stderr)?);
    let control = UnixStream::from_std(pipes.control.into())?;
    let killer = instance.killer();
    let answer = async {
        let mut bytes = Vec::new();
        let most = (HEAD_BYTES + limit + 1) as u64;
        let end = control.take(most).read_to_end(&mut bytes).await;
        // An answer that is not over by now never is.
        if bytes.len() as u64 == most || end.is_err() {
            killer.kill();
        }
        bytes
    };
    let (answer, out, error, exit) = tokio::join!(answer, tail(stdout), tail(stderr), instance.wait());
    Ok(Heard { answer, talk: format!("{out}\n{error}"), exit })
}

/// The end of a stream.
async fn tail(mut stream: impl AsyncRead + Unpin) -> String {
    let (mut kept, mut chunk) = (Vec::new(), vec![0; TALK_BYTES]);
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        kept.extend_from_slice(&chunk[..count]);
        let surplus = kept.len().saturating_sub(TALK_BYTES);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

fn parsed(mut bytes: Vec<u8>, limit: usize) -> Option<(Answer, Vec<u8>)> {
    let end = bytes.iter().take(HEAD_BYTES).position(|byte| *byte == b'\n')?;
    let answer = serde_json::from_slice(&bytes[..end]).ok()?;
    bytes.drain(..=end);
    (bytes.len() <= limit).then_some((answer, bytes))
}

/// The last lines say most: the end of a traceback, the message of a compiler.
fn last_lines(talk: &str) -> String {
    let printable = |line: &str| -> String {
        line.trim_end().chars().filter(|character| !character.is_control()).take(300).collect()
    };
    let lines: Vec<String> = talk.lines().map(printable).filter(|line| !line.is_empty()).collect();
    let kept = lines[lines.len().saturating_sub(6)..].join("\n");
    if kept.is_empty() { "it gave no reason".to_owned() } else { kept }
}

fn wants_compiler(talk: &str) -> bool {
    let signs = [
        "unable to execute",
        "gcc' failed",
        "cc' failed",
        "g++' failed",
        "Unknown compiler",
        "can't find Rust compiler",
    ];
    signs.iter().any(|sign| talk.contains(sign))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_answer_is_a_line_and_bytes() {
        let read = |bytes: &[u8], limit| parsed(bytes.to_vec(), limit);
        assert_eq!(read(b"{\"wheel\":\"a\"}\nPK", 2), Some((Answer::Wheel("a".to_owned()), b"PK".to_vec())));
        assert_eq!(read(b"{\"project\":null}\n", 0), Some((Answer::Project(None), Vec::new())));
        assert_eq!(read(b"{\"wheel\":\"a\"}\nPK", 1), None, "too large");
        for nonsense in [&b""[..], b"{}", b"\n", b"{\"other\":1}\n", b"[[[[\n", b"{\"wheel\":1}\n"] {
            assert_eq!(read(nonsense, 9), None);
        }
    }

    #[test]
    fn the_end_of_the_talk_is_the_reason() {
        assert_eq!(last_lines("\n1\n2\n3\n4\n5\n6\n\u{1b}[31m7\n"), "2\n3\n4\n5\n6\n[31m7");
        assert_eq!(last_lines(" \n"), "it gave no reason");
        assert!(wants_compiler("error: command 'x86_64-linux-gnu-gcc' failed: No such file"));
    }
}
