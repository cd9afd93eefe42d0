//! pip of an interpreter of the host: it knows how the operator reaches a package index.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::command::{self, Finished};
use super::variables;
use crate::settings::InstallerSettings;

/// Version of uv that is obtained where the host has none.
pub(super) const UV_VERSION: &str = "0.13.9";
/// SHA-256 of the wheels of that version for x86-64 and 64-bit Arm, both for glibc from 2.17 on.
const UV_HASHES: [&str; 2] = [
    "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
];

/// How long to wait before each further attempt at the download: pip gives up when a connection breaks half-way.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(15)];

/// pip, run by the first interpreter that has it.
pub(super) struct Pip<'settings> {
    pub(super) settings: &'settings InstallerSettings,
    pub(super) interpreters: &'settings [PathBuf],
    /// Where it runs: `python -m` would take modules from the server's own working directory.
    pub(super) directory: &'settings Path,
}

impl Pip<'_> {
    /// The output of `pip config list`; empty where there is no pip.
    pub(super) async fn configuration(&self) -> String {
        let arguments = ["config", "list"].map(str::to_owned);
        self.run(&arguments, None).await.map(|(finished, _)| finished.stdout).unwrap_or_default()
    }

    /// Fetches the wheel of uv into `work`, checked by hash, and unpacks it there; the path of the program.
    pub(super) async fn obtain_uv(&self, work: &Path) -> Result<PathBuf, String> {
        let list = work.join("requirements.txt");
        let hashes = UV_HASHES.map(|hash| format!(" --hash=sha256:{hash}")).concat();
        std::fs::write(&list, format!("uv=={UV_VERSION}{hashes}\n")).map_err(|error| error.to_string())?;
        let interpreter = self.download(&self.download_arguments(work, &list), work).await?;
        unpack(&interpreter, &wheel_in(work)?, work).await?;
        Ok(work.join(format!("unpacked/uv-{UV_VERSION}.data/scripts/uv")))
    }

    /// Tries again when the network failed; an answer of the index is final.
    async fn download(&self, arguments: &[String], work: &Path) -> Result<PathBuf, String> {
        let mut pauses = PAUSES.iter();
        loop {
            let (finished, interpreter) = self.run(arguments, Some(work)).await?;
            if finished.code == 0 {
                return Ok(interpreter);
            }
            let reason = last_line(&finished);
            match pauses.next().filter(|_| is_broken_connection(&finished)) {
                Some(pause) => {
                    tracing::warn!(%reason, "the download of uv broke off; trying again");
                    tokio::time::sleep(*pause).await;
                }
                None => return Err(reason),
            }
        }
    }

    fn download_arguments(&self, work: &Path, list: &Path) -> Vec<String> {
        let fixed =
            "download --no-deps --only-binary :all: --require-hashes --no-input --retries 1 --no-cache-dir --dest";
        let mut arguments: Vec<String> = fixed.split(' ').map(str::to_owned).collect();
        arguments.push(work.to_string_lossy().into_owned());
        arguments.extend(["-r".to_owned(), list.to_string_lossy().into_owned()]);
        if self.settings.offline {
            arguments.push("--no-index".to_owned());
        }
        arguments
    }

    async fn run(&self, arguments: &[String], work: Option<&Path>) -> Result<(Finished, PathBuf), String> {
        for interpreter in self.interpreters {
            let finished = command::run(self.command(interpreter, arguments, work)).await;
            let finished = finished.map_err(|error| format!("cannot start `{}`: {error}", interpreter.display()))?;
            if !finished.stderr.contains("No module named pip") {
                return Ok((finished, interpreter.clone()));
            }
        }
        Err("no interpreter on this node has pip; hint: install uv, or pip".to_owned())
    }

    fn command(&self, interpreter: &Path, arguments: &[String], work: Option<&Path>) -> Command {
        let mut command = Command::new(interpreter);
        command.args(["-m", "pip", "--disable-pip-version-check"]).args(arguments).current_dir(self.directory);
        command.env_clear().envs(variables::for_pip(&self.settings.environment));
        command.envs(self.settings.index_url.as_ref().map(|url| ("PIP_INDEX_URL", url)));
        if !self.settings.extra_index_urls.is_empty() {
            command.env("PIP_EXTRA_INDEX_URL", self.settings.extra_index_urls.join(" "));
        }
        if !self.settings.find_links.is_empty() {
            command.env("PIP_FIND_LINKS", self.settings.find_links.join(" "));
        }
        command.envs(work.map(|work| ("TMPDIR", work)));
        command
    }
}

/// What pip prints before the traceback of an error that it did not expect.
const TRACEBACK: &str = "ERROR: Exception:";

/// pip itself tries again to connect, but not to go on with an answer that breaks off: that ends in a traceback.
fn is_broken_connection(finished: &Finished) -> bool {
    finished.stderr.contains(TRACEBACK)
}

fn last_line(finished: &Finished) -> String {
    let talk = super::failure::without_credentials(&finished.stderr);
    let lines = || talk.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines().rfind(|line| line.starts_with("ERROR:") && *line != TRACEBACK).or_else(|| lines().next_back());
    format!("pip ended with {}: {}", finished.code, line.unwrap_or("it said nothing"))
}

fn wheel_in(work: &Path) -> Result<PathBuf, String> {
    let entries = std::fs::read_dir(work).map_err(|error| error.to_string())?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let wheel = paths.find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    wheel.ok_or_else(|| "pip left no wheel of uv".to_owned())
}

/// A wheel is a zip archive, and every Python can unpack one.
async fn unpack(interpreter: &Path, wheel: &Path, work: &Path) -> Result<(), String> {
    let mut command = Command::new(interpreter);
    command.args(["-I", "-m", "zipfile", "-e"]).arg(wheel).arg(work.join("unpacked")).env_clear();
    let finished = command::run(command).await.map_err(|error| error.to_string())?;
    if finished.code == 0 { Ok(()) } else { Err(format!("cannot unpack the wheel of uv: {}", finished.stderr.trim())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(stderr: &str) -> Finished {
        Finished { code: 2, stdout: String::new(), stderr: stderr.to_owned() }
    }

    #[test]
    fn a_connection_that_broke_is_told_by_its_reason_and_tried_again() {
        let broken = failed(
            "ERROR: Exception:\nTraceback (most recent call last):\n  File \"x\"\nReadTimeoutError: timed out.\n",
        );
        assert!(is_broken_connection(&broken));
        assert_eq!(last_line(&broken), "pip ended with 2: ReadTimeoutError: timed out.");
    }

    #[test]
    fn an_answer_of_the_index_is_final() {
        let unknown = failed(
            "ERROR: Could not find a version\nERROR: No matching distribution found for uv\n\n[notice] new pip\n",
        );
        assert!(!is_broken_connection(&unknown));
        assert_eq!(last_line(&unknown), "pip ended with 2: ERROR: No matching distribution found for uv");
    }
}
