//! uv at work: requirements to a lock, a lock to a directory of packages.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::command;
use super::failure::Failure;
use super::lock::Lock;

/// A uv that is there, and how it has to be called.
#[derive(Debug)]
pub(crate) struct Uv {
    pub(super) program: PathBuf,
    /// Its whole environment.
    pub(super) environment: BTreeMap<String, String>,
    /// What all its calls have in common.
    pub(super) arguments: Vec<String>,
}

impl Uv {
    /// Chooses a version of every package and of all that they need.
    /// `afresh` asks the index again for what is in the cache.
    pub(crate) async fn resolve(&self, request: &Resolve<'_>) -> Result<Lock, Failure> {
        let input = request.work.join("requirements.in");
        write(&input, &(request.requirements.join("\n") + "\n"))?;
        let mut command =
            self.command(request.work, &["pip", "compile", "--generate-hashes", "--no-annotate", "--no-header"]);
        command.arg("--python").arg(request.python).arg(&input);
        if request.afresh {
            command.arg("--refresh");
        }
        Ok(Lock::new(run(command, request.work).await?))
    }

    /// Installs exactly what the lock says into `target`, with byte-code.
    pub(crate) async fn install(&self, python: &Path, lock: &Lock, work: &Path, target: &Path) -> Result<(), Failure> {
        let input = work.join("lock.txt");
        write(&input, lock.text())?;
        let mut command =
            self.command(work, &["pip", "install", "--no-deps", "--compile-bytecode", "--link-mode", "hardlink"]);
        command.arg("--python").arg(python).arg("--target").arg(target).arg("-r").arg(&input);
        run(command, work).await.map(|_| ())
    }

    fn command(&self, work: &Path, verb: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(verb).args(&self.arguments).env_clear().envs(&self.environment);
        command.env("TMPDIR", work).current_dir(work);
        command
    }
}

/// What to resolve.
pub(crate) struct Resolve<'request> {
    pub(crate) python: &'request Path,
    pub(crate) requirements: &'request [String],
    pub(crate) afresh: bool,
    /// An existing directory for files on the way.
    pub(crate) work: &'request Path,
}

async fn run(command: Command, work: &Path) -> Result<String, Failure> {
    let finished = command::run(command).await;
    let finished = finished.map_err(|error| Failure::general(127, format!("cannot start uv: {error}")))?;
    if finished.code == 0 { Ok(finished.stdout) } else { Err(Failure::of(&finished, work)) }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::general(1, format!("cannot write into the data directory: {error}")))
}
