//! The settings of a node as this process finds it, and one uv for all tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use vivarium_domain::ports::{EnvironmentBuild, Environments};
use vivarium_domain::runtime::PackageSpec;
use vivarium_python::{PythonEnvironments, PythonSettings};

pub(crate) fn settings(data: &Path) -> PythonSettings {
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    PythonSettings::new(data, environment)
}

/// The uv that a first build obtains, kept beside the test binaries under a lock of the file system. It is not there
/// where it could not be obtained.
pub(crate) async fn shared_uv() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("uv");
    std::fs::create_dir_all(&directory).unwrap();
    let lock = std::fs::File::create(directory.join("lock")).unwrap();
    lock.lock().unwrap();
    let program = directory.join("installer/uv-0.13.9");
    if !program.exists() {
        let mut settings = settings(&directory);
        settings.installer.search_path.clear();
        let environments = PythonEnvironments::open(settings).await.unwrap();
        let python_version = environments.interpreters()[0].version.to_string();
        let six = PackageSpec { name: "six".to_owned(), version: String::new(), description: String::new() };
        let build = EnvironmentBuild { python_version, packages: vec![six], afresh: false };
        environments.build(build, &|_| {}).await;
    }
    program
}

/// The same; says so loudly where it could not be obtained.
pub(crate) async fn uv() -> Option<PathBuf> {
    let program = shared_uv().await;
    if !program.exists() {
        println!("skipped: uv could not be obtained");
        return None;
    }
    Some(program)
}
