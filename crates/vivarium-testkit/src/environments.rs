//! Environments without interpreters, packages or files.

use std::collections::BTreeSet;
use std::path::PathBuf;

use async_trait::async_trait;
use tokio::sync::watch;
use vivarium_domain::ports::{EnvironmentBuild, EnvironmentReport, Environments, Interpreter, ProgressSink};
use vivarium_domain::runtime::{PackageReport, PackageSpec, PackageStatus, PythonVersion, Serving};

/// Pretends to build environments. A package whose name begins with `no-such` cannot be installed, every other one can;
/// a package without an exact version
/// gets 1.0.0.
#[derive(Debug)]
pub struct FakeEnvironments {
    versions: Vec<PythonVersion>,
    held: watch::Sender<bool>,
}

impl FakeEnvironments {
    /// Interpreters of these versions (`X.Y.Z`), the newest first.
    ///
    /// # Panics
    /// When a text is not a version.
    pub fn new(versions: &[&str]) -> Self {
        let read = |text: &&str| text.parse().unwrap_or_else(|()| panic!("`{text}` is not `X.Y.Z`"));
        Self { versions: versions.iter().map(read).collect(), held: watch::Sender::new(false) }
    }

    /// Makes builds wait until [`Self::release`].
    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    /// Lets builds go on.
    pub fn release(&self) {
        self.held.send_replace(false);
    }

    async fn wait_until_released(&self) {
        // The sender lives as long as `self`, so the wait ends with a release only.
        let _ = self.held.subscribe().wait_for(|held| !held).await;
    }
}

impl Default for FakeEnvironments {
    /// Two interpreters: 3.12.4 and 3.11.9.
    fn default() -> Self {
        Self::new(&["3.12.4", "3.11.9"])
    }
}

fn report(spec: &PackageSpec) -> PackageReport {
    let name = spec.name.clone();
    if spec.name.starts_with("no-such") {
        let message = Some(format!("Return code: 1.\n`{name}` was not found"));
        return PackageReport { name, status: PackageStatus::NotInstalled, installed_version: None, message };
    }
    let version = if spec.version.starts_with(|first: char| first.is_ascii_digit()) { &spec.version } else { "1.0.0" };
    let installed_version = Some(version.to_owned());
    PackageReport { name, status: PackageStatus::Installed, installed_version, message: None }
}

fn installing(spec: &PackageSpec) -> PackageReport {
    let status = PackageStatus::Installing;
    PackageReport { name: spec.name.clone(), status, installed_version: None, message: None }
}

#[async_trait]
impl Environments for FakeEnvironments {
    fn interpreters(&self) -> Vec<Interpreter> {
        let interpreter = |version: &PythonVersion| Interpreter {
            version: *version,
            executable: PathBuf::from(format!("/interpreters/{version}/bin/python")),
        };
        self.versions.iter().map(interpreter).collect()
    }

    async fn build(&self, request: EnvironmentBuild, progress: &ProgressSink<'_>) -> EnvironmentReport {
        progress(request.packages.iter().map(installing).collect());
        self.wait_until_released().await;
        let Some(python) = self.versions.iter().find(|version| version.satisfies(&request.python_version)) else {
            let fault = Some(format!("no interpreter for `{}`", request.python_version));
            return EnvironmentReport { serving: None, packages: Vec::new(), fault };
        };
        let packages: Vec<_> = request.packages.iter().map(report).collect();
        let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
        let complete = packages.iter().all(|package| package.status == PackageStatus::Installed);
        let serving = Some(Serving { environment: format!("{python}:{}", names.join(",")), python: *python, complete });
        EnvironmentReport { serving, packages, fault: None }
    }

    async fn exists(&self, serving: &Serving) -> bool {
        self.versions.contains(&serving.python)
    }

    async fn collect_garbage(&self, _needed: &BTreeSet<String>) -> usize {
        0
    }
}
