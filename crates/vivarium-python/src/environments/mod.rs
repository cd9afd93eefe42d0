//! Environments: immutable directories of packages, addressed by their content.

mod build;
mod ledger;
mod memory;
mod selection;
mod shelf;
mod tree;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use tokio::sync::Semaphore;
use vivarium_domain::ports::{EnvironmentBuild, EnvironmentReport, Environments, Interpreter, ProgressSink};
use vivarium_domain::runtime::{PythonVersion, Serving};
use vivarium_sandbox::Sandbox;

use crate::builds::{SourceBuilds, Sources};
use crate::installer::{Failure, Installer};
use crate::interpreters::{Installation, Interpreters};
use crate::settings::{BuildSettings, PythonSettings};
use build::{Build, Built};
use ledger::Ledger;
use memory::{Memory, Resolution, digest};
pub(crate) use shelf::Lease;
use shelf::Shelf;
pub(crate) use tree::{remove as remove_tree, seal as seal_tree};

/// Why environments cannot be managed at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory cannot be used.
    #[error("cannot use `{}`: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
}

/// The interpreters and environments of this node.
pub struct PythonEnvironments {
    interpreters: Interpreters,
    installer: Installer,
    shelf: Arc<Shelf>,
    memory: Memory,
    limits: BuildSettings,
    turns: Semaphore,
    /// One lock a question, so that the same question is answered once and the second asker finds the answer.
    questions: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    /// An empty directory that covers what instances shall not see.
    empty_directory: PathBuf,
    /// `None` where only wheels are installed.
    source_builds: Option<SourceBuilds>,
}

impl PythonEnvironments {
    /// Probes interpreters and removes what interrupted builds left.
    ///
    /// # Errors
    /// Only if the data directory cannot be used. A node without any interpreter opens, and says so when asked to build.
    pub async fn open(settings: PythonSettings) -> Result<Self, OpenError> {
        let PythonSettings { data_directory, discovery, installer, builds } = settings;
        let fault = |path: &PathBuf| {
            let path = path.clone();
            |source| OpenError::Directory { path, source }
        };
        let (root, installer_directory) = (data_directory.join("environments"), data_directory.join("installer"));
        let empty_directory = root.join(".empty");
        std::fs::create_dir_all(&empty_directory).map_err(fault(&root))?;
        let shelf = Shelf::open(root.clone()).map_err(fault(&root))?;
        let interpreters = Interpreters::discover(&discovery).await;
        let executables = interpreters.iter().map(|one| one.executable.clone()).collect();
        let opened = Installer::open(installer, installer_directory.clone(), executables);
        Ok(Self {
            interpreters,
            installer: opened.map_err(fault(&installer_directory))?,
            memory: Memory::new(shelf.resolutions()),
            shelf: Arc::new(shelf),
            limits: builds,
            turns: Semaphore::new(builds.parallel.max(1)),
            questions: Mutex::default(),
            empty_directory,
            source_builds: None,
        })
    }

    /// Builds packages that have no wheel from source, in this sandbox, if the settings allow it.
    /// Without this call only wheels are installed.
    ///
    /// # Errors
    /// The directory of built wheels cannot be used.
    pub fn with_source_builds(mut self, sandbox: Sandbox) -> Result<Self, OpenError> {
        if self.installer.allows_source_builds() {
            let path = self.installer.built_wheels();
            let opened = SourceBuilds::open(sandbox, path.clone(), self.limits.source, self.empty_directory.clone());
            self.source_builds = Some(opened.map_err(|source| OpenError::Directory { path, source })?);
        }
        Ok(self)
    }

    pub(crate) fn interpreter(&self, version: PythonVersion) -> Option<&Installation> {
        self.interpreters.exact(version)
    }

    /// Holds an environment while an instance uses it.
    pub(crate) fn lease(&self, environment: &str) -> Option<Lease> {
        self.shelf.lease(environment)
    }

    pub(crate) fn empty_directory(&self) -> &PathBuf {
        &self.empty_directory
    }

    /// What is remembered of the question, if the environment is still there.
    fn recall(&self, key: &str, build: &Build<'_>, ledger: &mut Ledger) -> Option<String> {
        if build.afresh {
            return None;
        }
        let resolution = self.memory.recall(key)?;
        let fates = resolution.fates_of(&ledger.pending())?;
        if !self.shelf.find(&resolution.environment) {
            self.memory.forget(key);
            return None;
        }
        ledger.remember(fates);
        Some(resolution.environment)
    }

    /// The question that a build asks: the same one has the same answer, until somebody asks afresh.
    fn key(&self, interpreter: &Installation, ledger: &Ledger) -> String {
        let mut requirements = ledger.pending();
        requirements.sort();
        let (identity, fingerprint) = (interpreter.identity(), self.installer.fingerprint());
        let fixed = ["resolution 1", identity.as_str(), fingerprint.as_str()];
        digest(fixed.into_iter().chain(requirements.iter().map(String::as_str)))
    }

    fn question(&self, key: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        questions.retain(|_, question| question.strong_count() > 0);
        if let Some(question) = questions.get(key).and_then(Weak::upgrade) {
            return question;
        }
        let question = Arc::default();
        questions.insert(key.to_owned(), Arc::downgrade(&question));
        question
    }

    /// Finds or makes the environment; `Err` is a fault that is no package's.
    async fn provide(&self, build: &Build<'_>, ledger: &mut Ledger) -> Result<String, Failure> {
        if ledger.pending().is_empty() {
            return build.empty().await;
        }
        let key = self.key(build.interpreter, ledger);
        if let Some(environment) = self.recall(&key, build, ledger) {
            return Ok(environment);
        }
        let question = self.question(&key);
        let _answering = question.lock().await;
        if let Some(environment) = self.recall(&key, build, ledger) {
            return Ok(environment);
        }
        let built = self.in_turn(build, ledger).await?;
        if !built.transient {
            let (complete, fates) = (ledger.is_complete(), ledger.fates());
            self.memory.keep(&key, &Resolution { environment: built.environment.clone(), complete, fates });
        }
        Ok(built.environment)
    }

    async fn in_turn(&self, build: &Build<'_>, ledger: &mut Ledger) -> Result<Built, Failure> {
        let turn = self.turns.acquire().await;
        let _turn = turn.map_err(|_| Failure::general(1, "the server is ending"))?;
        let work = async {
            let uv = self.installer.uv().await.map_err(|reason| Failure::general(1, reason))?;
            build.run(uv, ledger).await
        };
        let seconds = self.limits.time.as_secs();
        let too_long = |_| Failure::general(124, format!("the build took longer than the limit of {seconds} s"));
        tokio::time::timeout(self.limits.time, work).await.map_err(too_long)?
    }

    async fn report(&self, build: &Build<'_>, mut ledger: Ledger) -> EnvironmentReport {
        let provided = self.provide(build, &mut ledger).await;
        let mut fault = None;
        let environment = match provided {
            Ok(environment) => Some(environment),
            Err(failure) => {
                ledger.refuse_all(&failure);
                fault = Some(failure.reason);
                // Without any package the interpreter itself still serves.
                build.empty().await.ok()
            }
        };
        let (complete, python) = (ledger.is_complete() && fault.is_none(), build.interpreter.version);
        let serving = environment.map(|environment| Serving { environment, python, complete });
        EnvironmentReport { serving, packages: ledger.reports(), fault }
    }
}

#[async_trait]
impl Environments for PythonEnvironments {
    fn interpreters(&self) -> Vec<Interpreter> {
        self.interpreters.list()
    }

    async fn build(&self, request: EnvironmentBuild, progress: &ProgressSink<'_>) -> EnvironmentReport {
        let mut ledger = Ledger::new(request.packages);
        let Some(interpreter) = self.interpreters.newest(&request.python_version) else {
            let fault = self.interpreters.missing(&request.python_version);
            ledger.refuse_all(&Failure::general(1, fault.clone()));
            return EnvironmentReport { serving: None, packages: ledger.reports(), fault: Some(fault) };
        };
        progress(ledger.reports());
        let (size_bytes, afresh) = (self.limits.size_bytes, request.afresh);
        let sources = self.source_builds.as_ref().map(|shared| Sources::new(shared, interpreter, self.limits.time));
        let build = Build { shelf: &self.shelf, interpreter, size_bytes, afresh, progress, sources };
        let report = self.report(&build, ledger).await;
        progress(report.packages.clone());
        report
    }

    async fn exists(&self, serving: &Serving) -> bool {
        self.interpreters.exact(serving.python).is_some() && self.shelf.has(&serving.environment)
    }

    async fn collect_garbage(&self, needed: &BTreeSet<String>) -> usize {
        let (shelf, needed, grace) = (Arc::clone(&self.shelf), needed.clone(), self.limits.garbage_grace);
        let collected = tokio::task::spawn_blocking(move || shelf.collect(&needed, grace)).await;
        match collected {
            Ok(Ok(count)) => count,
            Ok(Err(error)) => {
                tracing::warn!(%error, "cannot collect unused environments");
                0
            }
            Err(error) => {
                tracing::error!(%error, "the collection of unused environments broke off");
                0
            }
        }
    }
}
