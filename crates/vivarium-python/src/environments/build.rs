//! One build: requirements to an environment on the shelf.

use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;
use vivarium_domain::ports::ProgressSink;

use super::ledger::Ledger;
use super::memory::digest;
use super::selection::{Attempt, select};
use super::shelf::{Marker, Shelf};
use super::tree;
use crate::builds::Sources;
use crate::installer::{Failure, Lock, Resolve, Uv};
use crate::interpreters::Installation;

/// Everything that one build needs.
pub(super) struct Build<'build> {
    pub(super) shelf: &'build Arc<Shelf>,
    pub(super) interpreter: &'build Installation,
    pub(super) size_bytes: u64,
    pub(super) afresh: bool,
    pub(super) progress: &'build ProgressSink<'build>,
    /// `None` where only wheels are installed.
    pub(super) sources: Option<Sources<'build>>,
}

/// The environment that a build ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Built {
    pub(super) environment: String,
    /// Whether the same build may end otherwise by itself.
    pub(super) transient: bool,
}

impl Build<'_> {
    /// An environment without packages; needs no uv.
    pub(super) async fn empty(&self) -> Result<String, Failure> {
        self.keep(&Lock::new(String::new()), None).await
    }

    /// Installs what can be installed of `ledger.pending()`, and notes in the ledger what became of each.
    pub(super) async fn run(&self, uv: &Uv, ledger: &mut Ledger) -> Result<Built, Failure> {
        let resolved = select(&ledger.pending(), &Resolving { build: self, uv }).await;
        let mut transient = self.refuse(ledger, &resolved.refused);
        let Some(lock) = resolved.made else {
            return match resolved.refused.into_iter().find(|(_, failure)| failure.general) {
                Some((_, failure)) => Err(failure),
                None => Ok(Built { environment: self.empty().await?, transient }),
            };
        };
        let installing = Installing { build: self, uv };
        let environment = match installing.install(&lock).await {
            Ok(environment) => environment,
            Err(failure) if failure.general => return Err(failure),
            // Some package resolves well and installs badly: now each attempt goes the whole way.
            Err(_) => {
                let installed = select(&ledger.pending(), &installing).await;
                transient |= self.refuse(ledger, &installed.refused);
                let Some((environment, lock)) = installed.made else {
                    return Ok(Built { environment: self.empty().await?, transient });
                };
                ledger.install(&lock.versions());
                return Ok(Built { environment, transient });
            }
        };
        ledger.install(&lock.versions());
        Ok(Built { environment, transient })
    }

    fn refuse(&self, ledger: &mut Ledger, refused: &[(usize, Failure)]) -> bool {
        if !refused.is_empty() {
            ledger.refuse(refused);
            (self.progress)(ledger.reports());
        }
        refused.iter().any(|(_, failure)| failure.transient)
    }

    /// The content address: what depends on nothing else may be shared by everyone who wants the same.
    fn address(&self, lock: &Lock) -> String {
        digest(["environment 1", &self.interpreter.identity(), lock.text()])
    }

    fn staging(&self) -> Result<TempDir, Failure> {
        self.shelf.staging().map_err(|error| disk(&error))
    }

    /// Seals what was installed into `staging` and puts it on the shelf.
    async fn keep(&self, lock: &Lock, staging: Option<TempDir>) -> Result<String, Failure> {
        let address = self.address(lock);
        if self.shelf.find(&address) {
            return Ok(address);
        }
        let staging = match staging {
            Some(staging) => staging,
            None => self.staging()?,
        };
        let Installation { version, executable, .. } = self.interpreter;
        let marker = Marker { python: version.to_string(), executable: executable.clone(), bytes: 0 };
        let sealed = Sealing { staging, address: address.clone(), lock: lock.clone(), marker, limit: self.size_bytes };
        let shelf = Arc::clone(self.shelf);
        let done = tokio::task::spawn_blocking(move || sealed.put(&shelf)).await;
        done.map_err(|error| Failure::general(1, format!("the installation broke off: {error}")))??;
        Ok(address)
    }
}

/// What is left to do once packages are installed: file system work, away from the async threads.
struct Sealing {
    staging: TempDir,
    address: String,
    lock: Lock,
    marker: Marker,
    limit: u64,
}

impl Sealing {
    fn put(mut self, shelf: &Shelf) -> Result<(), Failure> {
        let target = self.staging.path().join("tree");
        std::fs::create_dir_all(&target).map_err(|error| disk(&error))?;
        self.marker.bytes = tree::seal(&target).map_err(|error| disk(&error))?;
        if self.marker.bytes > self.limit {
            return Err(too_large(self.marker.bytes, self.limit));
        }
        shelf.put(&self.staging, &self.address, self.lock.text(), &self.marker).map_err(|error| disk(&error))
    }
}

fn disk(error: &std::io::Error) -> Failure {
    Failure::general(1, format!("cannot write the environment: {error}"))
}

fn too_large(bytes: u64, limit: u64) -> Failure {
    let reason = format!("the packages take {} MiB, more than the limit of {} MiB", bytes >> 20, limit >> 20);
    Failure { code: 1, reason, general: true, transient: false }
}

struct Resolving<'attempt> {
    build: &'attempt Build<'attempt>,
    uv: &'attempt Uv,
}

impl Attempt for Resolving<'_> {
    type Made = Lock;

    async fn attempt(&self, requirements: Vec<String>) -> Result<Lock, Failure> {
        let work = self.build.staging()?;
        let python = &self.build.interpreter.executable;
        let afresh = self.build.afresh;
        let request = Resolve { python, requirements: &requirements, afresh, work: work.path(), links: &[] };
        match &self.build.sources {
            Some(sources) => sources.resolve(self.uv, &request).await,
            None => self.uv.resolve(&request).await,
        }
    }
}

struct Installing<'attempt> {
    build: &'attempt Build<'attempt>,
    uv: &'attempt Uv,
}

impl Installing<'_> {
    async fn install(&self, lock: &Lock) -> Result<String, Failure> {
        let address = self.build.address(lock);
        if self.build.shelf.find(&address) {
            return Ok(address);
        }
        let staging = self.build.staging()?;
        let work = self.build.staging()?;
        let target: PathBuf = staging.path().join("tree");
        self.uv.install(&self.build.interpreter.executable, lock, work.path(), &target).await?;
        self.build.keep(lock, Some(staging)).await
    }
}

impl Attempt for Installing<'_> {
    type Made = (String, Lock);

    async fn attempt(&self, requirements: Vec<String>) -> Result<(String, Lock), Failure> {
        let lock = Resolving { build: self.build, uv: self.uv }.attempt(requirements).await?;
        Ok((self.install(&lock).await?, lock))
    }
}
