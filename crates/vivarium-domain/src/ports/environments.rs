//! Interpreters and environments of a node.

use std::collections::BTreeSet;
use std::path::PathBuf;

use async_trait::async_trait;

use crate::runtime::{PackageReport, PackageSpec, PythonVersion, Serving};

/// A CPython installed on the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// Its version.
    pub version: PythonVersion,
    /// Its executable.
    pub executable: PathBuf,
}

/// What to build.
#[derive(Debug, Clone)]
pub struct EnvironmentBuild {
    /// `X.Y` or `X.Y.Z`.
    pub python_version: String,
    /// The packages, in the order of the definition.
    pub packages: Vec<PackageSpec>,
    /// Whether to try again what failed or was resolved before.
    pub afresh: bool,
}

/// What became of a build.
#[derive(Debug, Clone)]
pub struct EnvironmentReport {
    /// The environment, if there is one: with [`Serving::complete`] unset where packages are missing in it.
    pub serving: Option<Serving>,
    /// One report a package, in the order of the definition.
    pub packages: Vec<PackageReport>,
    /// What went wrong apart from packages: no such interpreter, no space, no installer.
    pub fault: Option<String>,
}

/// Gets the state of all packages each time it changes during a build.
pub type ProgressSink<'build> = dyn Fn(Vec<PackageReport>) + Send + Sync + 'build;

/// The interpreters and environments of a node.
#[async_trait]
pub trait Environments: Send + Sync {
    /// The interpreters that are there, the newest version first, each version once.
    fn interpreters(&self) -> Vec<Interpreter>;
    /// Builds an environment, or finds the one with the same content. Never fails as a whole: the report says what is missing.
    /// At most a configured number of builds run at once; further ones wait.
    async fn build(&self, request: EnvironmentBuild, progress: &ProgressSink<'_>) -> EnvironmentReport;
    /// Whether an environment is there whole and its interpreter too.
    async fn exists(&self, serving: &Serving) -> bool;
    /// Removes every environment that is not in `needed` (contents of [`Serving::environment`]); how many.
    /// Environments that an instance still uses or a build has just found stay.
    async fn collect_garbage(&self, needed: &BTreeSet<String>) -> usize;
}
