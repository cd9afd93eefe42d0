//! A node with a real sandbox whose packages come from an index that the test makes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use vivarium_domain::ports::{EnvironmentBuild, EnvironmentReport, Environments};
use vivarium_domain::runtime::{PackageReport, PackageSpec, PackageStatus};
use vivarium_python::{PythonEnvironments, PythonSettings};
use vivarium_sandbox::{LauncherCommand, Sandbox, Settings};

use crate::common::{settings, uv};
use crate::index::Index;

pub(crate) struct House {
    pub(crate) environments: PythonEnvironments,
    pub(crate) sandbox: Sandbox,
    pub(crate) index: Index,
    pub(crate) data: TempDir,
}

/// `None`, loudly, where there is no sandbox or no uv.
pub(crate) async fn house() -> Option<House> {
    let index = Index::start();
    let address = index.address().to_owned();
    house_with(index, move |settings| {
        settings.installer.index_url = Some(address);
        settings.installer.find_links = vec![env!("CARGO_TARGET_TMPDIR").to_owned()];
    })
    .await
}

pub(crate) async fn house_with(index: Index, change: impl FnOnce(&mut PythonSettings)) -> Option<House> {
    let data = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut settings = settings(data.path());
    settings.installer.uv = Some(uv().await?);
    settings.installer.source_builds = true;
    settings.builds.source.time = Duration::from_secs(20);
    settings.builds.source.wheel_bytes = 8 << 20;
    settings.builds.source.resource.memory_mib = 256;
    settings.builds.source.resource.disk_mib = 32;
    change(&mut settings);
    let sandbox = sandbox()?;
    let opened = PythonEnvironments::open(settings).await.unwrap();
    Some(House { environments: opened.with_source_builds(sandbox.clone()).unwrap(), sandbox, index, data })
}

fn sandbox() -> Option<Sandbox> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let program = env!("CARGO_BIN_EXE_vivarium-python-test-launcher").into();
    let name = format!("source-tests-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let made = Sandbox::new(Settings::new(LauncherCommand { program, args: Vec::new() }, name));
    made.map_err(|error| println!("skipped: {error}")).ok()
}

fn request(environments: &PythonEnvironments, packages: &[&str]) -> EnvironmentBuild {
    let spec =
        |name: &&str| PackageSpec { name: (*name).to_owned(), version: String::new(), description: String::new() };
    let python_version = environments.interpreters()[0].version.to_string();
    EnvironmentBuild { python_version, packages: packages.iter().map(spec).collect(), afresh: false }
}

impl House {
    /// The same node with a server that was given no sandbox for builds.
    pub(crate) async fn without_sandbox(self) -> Self {
        let mut settings = settings(self.data.path());
        settings.installer.uv = uv().await;
        settings.installer.source_builds = true;
        settings.installer.index_url = Some(self.index.address().to_owned());
        Self { environments: PythonEnvironments::open(settings).await.unwrap(), ..self }
    }

    pub(crate) async fn build(&self, packages: &[&str]) -> EnvironmentReport {
        self.environments.build(request(&self.environments, packages), &|_| {}).await
    }

    /// A backend that does something bad and then builds a good wheel: why the package was refused.
    /// A package beside it is installed, and nobody of the build is left.
    pub(crate) async fn refusal(&self, name: &str, backend: &str) -> String {
        self.index.add_project(name, backend);
        self.refusal_of(name).await
    }

    pub(crate) async fn refusal_of(&self, name: &str) -> String {
        self.index.add_wheel("beside");
        let report = self.build(&[name, "beside"]).await;
        assert_eq!(report.fault, None);
        assert_eq!(report.packages[1].status, PackageStatus::Installed, "{report:?}");
        assert_eq!(report.packages[0].status, PackageStatus::NotInstalled, "{report:?}");
        self.sandbox.settled().await;
        message(&report.packages[0])
    }

    /// The module `name` as a good build has left it; what the build writes into its body is what it saw.
    pub(crate) async fn module(&self, name: &str, backend: &str) -> String {
        self.index.add_project(name, backend);
        let report = self.build(&[name]).await;
        assert_eq!(report.packages[0].status, PackageStatus::Installed, "{report:?}");
        self.installed(&report, name)
    }

    /// The text of a module that was installed.
    pub(crate) fn installed(&self, report: &EnvironmentReport, name: &str) -> String {
        let environment = &report.serving.as_ref().unwrap().environment;
        let path = self.data.path().join("environments").join(environment).join(format!("tree/{name}.py"));
        std::fs::read_to_string(path).unwrap()
    }
}

/// The message of a package, whose first line is the code.
pub(crate) fn message(report: &PackageReport) -> String {
    let text = report.message.clone().unwrap();
    assert!(text.starts_with("Return code: "), "{text}");
    text
}
