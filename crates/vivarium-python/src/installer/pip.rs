//! pip of an interpreter of the host: it knows how the operator reaches a package index.

use std::path::{Path, PathBuf};

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
        let (finished, interpreter) = self.run(&self.download_arguments(work, &list), Some(work)).await?;
        if finished.code != 0 {
            return Err(last_line(&finished));
        }
        unpack(&interpreter, &wheel_in(work)?, work).await?;
        Ok(work.join(format!("unpacked/uv-{UV_VERSION}.data/scripts/uv")))
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

fn last_line(finished: &Finished) -> String {
    let talk = super::failure::without_credentials(&finished.stderr);
    let mut errors = talk.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = errors.rfind(|line| line.starts_with("ERROR:")).or_else(|| talk.lines().last());
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
