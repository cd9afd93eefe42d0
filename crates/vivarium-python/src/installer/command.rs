//! Child processes of the installer. Each leads a process group of its own, and the whole group is killed
//! as soon as nobody waits for it any more: by a time limit, a cancelled build or the server's end.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;

/// What a child left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finished {
    /// Exit code, or a signal's number below zero.
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs a command to its end. Dropping the future kills it with everything it started.
pub(super) async fn run(mut command: Command) -> io::Result<Finished> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let child = command.spawn()?;
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    let output = child.wait_with_output().await?;
    group.0 = None;
    Ok(Finished {
        code: code(output.status),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap_or(-1)
}

/// The leader is not reaped while this holds its id, so the id cannot mean anybody else.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // Fails only where the group is gone already.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn code_and_output_come_back() {
        let finished = run(shell("echo out; echo err >&2; exit 3")).await.unwrap();
        assert_eq!(finished, Finished { code: 3, stdout: "out\n".to_owned(), stderr: "err\n".to_owned() });
        assert_eq!(run(shell("kill -9 $$")).await.unwrap().code, -9);
    }

    /// The grandchild holds the write end of a fifo; the reader sees its end only when the grandchild is dead.
    #[tokio::test]
    async fn a_dropped_run_takes_grandchildren_along() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let script = format!("(exec 7>'{}'; echo up >&7; sleep 1000) & wait", fifo.display());
        let running = tokio::spawn(run(shell(&script)));
        let mut reader = tokio::io::BufReader::new(tokio::fs::File::open(&fifo).await.unwrap());
        let mut line = String::new();
        tokio::io::AsyncBufReadExt::read_line(&mut reader, &mut line).await.unwrap();
        assert_eq!(line, "up\n");
        running.abort();
        let end = tokio::io::AsyncBufReadExt::read_line(&mut reader, &mut line);
        assert_eq!(tokio::time::timeout(Duration::from_secs(10), end).await.unwrap().unwrap(), 0);
    }
}
