//! From a source distribution to a wheel that is kept.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::cell::{Answer, Breakdown, Cell, Order};
use super::index::{Fetcher, SourceFile};
use super::kept::Work;
use super::system::{BuildSystem, checked};
use super::wheel::{Expected, check};
use super::{Origins, SourceBuilds, kept};
use crate::installer::{Failure, Resolve, Uv};
use crate::interpreters::Installation;

/// Builds from source within one build of an environment. Each is tried once, one after the other.
pub(crate) struct Sources<'build> {
    pub(super) shared: &'build SourceBuilds,
    pub(super) interpreter: &'build Installation,
    /// By project and version: the directory of the wheel.
    done: Mutex<HashMap<(String, String), Result<PathBuf, Failure>>>,
    /// For how long builds may go on, so that what hangs does not take the packages beside it down.
    time: Duration,
    /// When that is over; known from the first build on.
    deadline: OnceLock<Instant>,
}

/// One that is to be built.
pub(super) struct Wanted<'build> {
    pub(super) project: &'build str,
    pub(super) source: &'build SourceFile,
    pub(super) origins: &'build Origins,
    pub(super) uv: &'build Uv,
}

impl<'build> Sources<'build> {
    /// `time` is what the whole environment may take; half of it may go into builds from source.
    pub(crate) fn new(shared: &'build SourceBuilds, interpreter: &'build Installation, time: Duration) -> Self {
        Self { shared, interpreter, done: Mutex::default(), time: time / 2, deadline: OnceLock::new() }
    }

    /// The directory of the wheel; built now, before, or in vain.
    pub(super) async fn wheel(&self, wanted: &Wanted<'_>) -> Result<PathBuf, Failure> {
        let key = (wanted.project.to_owned(), wanted.source.version.to_string());
        let mut done = self.done.lock().await;
        if let Some(known) = done.get(&key) {
            return known.clone();
        }
        let made = self.make(wanted).await;
        if let Err(failure) = &made {
            let (project, version, reason) = (&key.0, &key.1, &failure.reason);
            tracing::info!(project, version, reason, "a package could not be built from source");
        }
        done.insert(key, made.clone());
        made
    }

    async fn make(&self, wanted: &Wanted<'_>) -> Result<PathBuf, Failure> {
        let bytes =
            fetch(wanted, self.shared.limits.archive_bytes).await.map_err(|reason| unfetched(wanted, &reason))?;
        let key = self.key(&bytes);
        if let Some(directory) = self.shared.kept.find(&key) {
            return Ok(directory);
        }
        let work = self.shared.kept.work().map_err(|error| disk(&error))?;
        let archive = work.path().join("source");
        kept::write(&archive, &bytes).map_err(|error| disk(&error))?;
        let (name, wheel) = Making { sources: self, wanted, work: &work, archive: &archive }.build().await?;
        let expected = self.expected(wanted);
        let name = check(&name, &wheel, &expected).map_err(|reason| failed(wanted, 1, &reason))?;
        self.shared.kept.put(&key, &name, &wheel).map_err(|error| disk(&error))
    }

    fn expected<'wanted>(&self, wanted: &Wanted<'wanted>) -> Expected<'wanted> {
        let size_bytes = self.shared.limits.wheel_bytes.saturating_mul(4);
        Expected { project: wanted.project, version: &wanted.source.version, size_bytes }
    }

    /// What a wheel depends on.
    fn key(&self, archive: &[u8]) -> String {
        let mut hasher = Sha256::new();
        hasher.update("wheel 1\n");
        hasher.update(self.interpreter.identity());
        hasher.update(Sha256::digest(archive));
        hexadecimal(&hasher.finalize())
    }

    fn time_left(&self) -> Duration {
        let deadline = self.deadline.get_or_init(|| Instant::now() + self.time);
        deadline.saturating_duration_since(Instant::now()).min(self.shared.limits.time)
    }
}

/// One build on its way.
struct Making<'build> {
    sources: &'build Sources<'build>,
    wanted: &'build Wanted<'build>,
    work: &'build Work,
    archive: &'build Path,
}

impl Making<'_> {
    async fn build(&self) -> Result<(String, Vec<u8>), Failure> {
        let nothing = self.work.path().join("nothing");
        std::fs::create_dir(&nothing).map_err(|error| disk(&error))?;
        let project = match self.run(&Order::read(), nothing).await? {
            (Answer::Project(project), _) => project,
            (answer, _) => return Err(self.unexpected(answer)),
        };
        let mut system = BuildSystem::of(project.as_deref()).map_err(|reason| failed(self.wanted, 1, &reason))?;
        let packages = self.requirements(&system, "first").await?;
        match self.run(&Order::build(&system, false), packages).await? {
            (Answer::Wheel(name), wheel) => return Ok((name, wheel)),
            (Answer::Wanted(more), _) => {
                system.requires.extend(checked(&more).map_err(|reason| failed(self.wanted, 1, &reason))?);
            }
            (answer, _) => return Err(self.unexpected(answer)),
        }
        let packages = self.requirements(&system, "second").await?;
        match self.run(&Order::build(&system, true), packages).await? {
            (Answer::Wheel(name), wheel) => Ok((name, wheel)),
            (answer, _) => Err(self.unexpected(answer)),
        }
    }

    async fn run(&self, order: &Order<'_>, packages: PathBuf) -> Result<(Answer, Vec<u8>), Failure> {
        let SourceBuilds { sandbox, limits, empty, .. } = self.sources.shared;
        let time = self.sources.time_left();
        if time.is_zero() {
            return Err(failed(self.wanted, 124, "other builds have used up the time"));
        }
        let (interpreter, archive, resource) = (self.sources.interpreter, self.archive, limits.resource);
        let cell = Cell { sandbox, interpreter, archive, packages, empty, resource, time };
        let limit = usize::try_from(limits.wheel_bytes).unwrap_or(usize::MAX / 2);
        cell.run(order, limit).await.map_err(|breakdown| self.broken(&breakdown))
    }

    fn broken(&self, breakdown: &Breakdown) -> Failure {
        let failure = failed(self.wanted, breakdown.code, &breakdown.reason);
        Failure { transient: breakdown.transient, ..failure }
    }

    fn unexpected(&self, answer: Answer) -> Failure {
        let reason = match answer {
            Answer::Refused(reason) => reason.chars().take(500).collect(),
            _ => "its build system answered something else than it was asked".to_owned(),
        };
        failed(self.wanted, 1, &reason)
    }

    /// Installs what the build needs: wheels only, so that nothing of it runs before the sandbox.
    async fn requirements(&self, system: &BuildSystem, name: &str) -> Result<PathBuf, Failure> {
        let directory = self.work.path().join(name);
        let tree = directory.join("tree");
        std::fs::create_dir_all(&tree).map_err(|error| disk(&error))?;
        if !system.requires.is_empty() {
            self.install(system, &directory, &tree).await.map_err(|failure| self.lacking(&failure))?;
        }
        crate::environments::seal_tree(&tree).map_err(|error| disk(&error))?;
        Ok(tree)
    }

    async fn install(&self, system: &BuildSystem, work: &Path, tree: &Path) -> Result<(), Failure> {
        let python = &self.sources.interpreter.executable;
        let request = Resolve { python, requirements: &system.requires, afresh: false, work, links: &[] };
        let lock = self.wanted.uv.resolve(&request).await?;
        self.wanted.uv.install(python, &lock, work, tree).await
    }

    fn lacking(&self, failure: &Failure) -> Failure {
        let reason = format!("what it needs to be built cannot be had as wheels:\n{}", failure.reason);
        Failure { transient: failure.transient, ..failed(self.wanted, failure.code, &reason) }
    }
}

/// Fetches the archive and checks its hash.
async fn fetch(wanted: &Wanted<'_>, limit: u64) -> Result<Vec<u8>, String> {
    let (source, origins) = (wanted.source.clone(), wanted.origins.clone());
    let work = move || {
        let bytes = Fetcher::new(&origins)?.bytes(&source, limit)?;
        let digest = hexadecimal(&Sha256::digest(&bytes));
        match &source.sha256 {
            Some(expected) if !expected.eq_ignore_ascii_case(&digest) => {
                Err("its source distribution is not the one that the index promises: the hash differs".to_owned())
            }
            _ => Ok(bytes),
        }
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn failed(wanted: &Wanted<'_>, code: i32, reason: &str) -> Failure {
    let (project, version) = (wanted.project, &wanted.source.version);
    let reason = format!("`{project}` {version} cannot be built from source: {reason}");
    Failure { code, reason, general: false, transient: false }
}

fn unfetched(wanted: &Wanted<'_>, reason: &str) -> Failure {
    Failure { transient: true, ..failed(wanted, 1, reason) }
}

fn disk(error: &io::Error) -> Failure {
    Failure::general(1, format!("cannot write what is built from source: {error}"))
}
