//! uv at work: requirements to a lock, a lock to a directory of packages.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;
use tokio::sync::OnceCell;

use super::command::{self, Finished};
use super::failure::Failure;
use super::index::Index;
use super::lock::Lock;
use super::origins::{self, Origins};

/// A uv that is there, and how it has to be called.
#[derive(Debug)]
pub(crate) struct Uv {
    pub(super) program: PathBuf,
    /// Its whole environment.
    pub(super) environment: BTreeMap<String, String>,
    /// What all its calls have in common.
    pub(super) arguments: Vec<String>,
    pub(super) index: Index,
    pub(super) offline: bool,
    /// Asked for at first need.
    pub(super) origins: OnceCell<Origins>,
}

impl Uv {
    /// Chooses a version of every package and of all that they need.
    /// `afresh` asks the index again for what is in the cache.
    pub(crate) async fn resolve(&self, request: &Resolve<'_>) -> Result<Lock, Failure> {
        let command = self.resolution(request)?;
        Ok(Lock::new(run(command, request.work).await?))
    }

    /// The same, with what uv told on the way.
    pub(crate) async fn resolve_aloud(&self, request: &Resolve<'_>) -> (Result<Lock, Failure>, String) {
        let mut command = match self.resolution(request) {
            Ok(command) => command,
            Err(failure) => return (Err(failure), String::new()),
        };
        command.env("RUST_LOG", "uv_resolver=debug");
        let finished = match command::run(command).await {
            Ok(finished) => finished,
            Err(error) => return (Err(not_started(&error)), String::new()),
        };
        let log = finished.stderr.clone();
        let quiet = Finished { stderr: without_log(&finished.stderr), ..finished };
        (judge(quiet, request.work).map(Lock::new), log)
    }

    /// Where packages come from.
    pub(crate) async fn origins(&self) -> Origins {
        let ask = async || {
            let finished = command::run(self.command(Path::new("/"), &["pip", "compile", "--help"])).await;
            let help = finished.map(|finished| finished.stdout).unwrap_or_default();
            Origins::new(&self.index, origins::default_index(&help), &self.environment, self.offline)
        };
        self.origins.get_or_init(ask).await.clone()
    }

    fn resolution(&self, request: &Resolve<'_>) -> Result<Command, Failure> {
        let input = request.work.join("requirements.in");
        write(&input, &(request.requirements.join("\n") + "\n"))?;
        let mut command =
            self.command(request.work, &["pip", "compile", "--generate-hashes", "--no-annotate", "--no-header"]);
        command.arg("--python").arg(request.python).arg(&input);
        if request.afresh {
            command.arg("--refresh");
        }
        link(&mut command, request.links);
        Ok(command)
    }

    /// Installs exactly what the lock says into `target`, with byte-code.
    pub(crate) async fn install(&self, python: &Path, lock: &Lock, work: &Path, target: &Path) -> Result<(), Failure> {
        let input = work.join("lock.txt");
        write(&input, lock.text())?;
        let mut command =
            self.command(work, &["pip", "install", "--no-deps", "--compile-bytecode", "--link-mode", "hardlink"]);
        command.arg("--python").arg(python).arg("--target").arg(target).arg("-r").arg(&input);
        link(&mut command, lock.links());
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
    /// Further directories of wheels.
    pub(crate) links: &'request [PathBuf],
}

fn link(command: &mut Command, directories: &[PathBuf]) {
    for directory in directories {
        command.arg("--find-links").arg(directory);
    }
}

async fn run(command: Command, work: &Path) -> Result<String, Failure> {
    let finished = command::run(command).await;
    judge(finished.map_err(|error| not_started(&error))?, work)
}

fn judge(finished: Finished, work: &Path) -> Result<String, Failure> {
    if finished.code == 0 { Ok(finished.stdout) } else { Err(Failure::of(&finished, work)) }
}

fn not_started(error: &std::io::Error) -> Failure {
    Failure::general(127, format!("cannot start uv: {error}"))
}

/// What uv would have said without its log.
fn without_log(text: &str) -> String {
    let told = |line: &&str| !["TRACE ", "DEBUG ", "INFO "].iter().any(|level| line.starts_with(level));
    text.lines().filter(told).collect::<Vec<_>>().join("\n")
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::general(1, format!("cannot write into the data directory: {error}")))
}
