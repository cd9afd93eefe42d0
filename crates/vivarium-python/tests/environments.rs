//! Real builds. They need a package index, reached as pip is configured to.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "common/uv.rs"]
mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use common::{settings, shared_uv, uv};
use tempfile::TempDir;
use vivarium_domain::ports::{EnvironmentBuild, EnvironmentReport, Environments};
use vivarium_domain::runtime::PackageStatus::{self, Installed, NotInstalled};
use vivarium_domain::runtime::{PackageReport, PackageSpec};
use vivarium_python::{PythonEnvironments, PythonSettings};

/// A server that other tests have not touched; uv is obtained once for all of them.
async fn open(data: &Path, change: impl FnOnce(&mut PythonSettings)) -> PythonEnvironments {
    let mut settings = settings(data);
    settings.builds.garbage_grace = Duration::ZERO;
    settings.installer.uv = Some(shared_uv().await);
    change(&mut settings);
    PythonEnvironments::open(settings).await.unwrap()
}

fn spec(requirement: &str) -> PackageSpec {
    let at = requirement.find(['=', '<', '>', '~']).unwrap_or(requirement.len());
    let (name, version) = requirement.split_at(at);
    PackageSpec { name: name.to_owned(), version: version.to_owned(), description: String::new() }
}

fn request(environments: &PythonEnvironments, packages: &[&str]) -> EnvironmentBuild {
    let newest = environments.interpreters()[0].version;
    let packages = packages.iter().map(|requirement| spec(requirement)).collect();
    EnvironmentBuild { python_version: newest.to_string(), packages, afresh: false }
}

async fn build(environments: &PythonEnvironments, packages: &[&str]) -> EnvironmentReport {
    environments.build(request(environments, packages), &|_| {}).await
}

/// Whether the index answers; says so loudly if not.
async fn index_answers(environments: &PythonEnvironments) -> bool {
    let report = build(environments, &["packaging"]).await;
    if let Some(fault) = &report.fault {
        println!("skipped: no package index: {fault}");
    }
    report.fault.is_none()
}

fn statuses(report: &EnvironmentReport) -> Vec<PackageStatus> {
    report.packages.iter().map(|package| package.status).collect()
}

fn message(report: &PackageReport) -> &str {
    report.message.as_deref().unwrap()
}

fn data() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complete_build_is_shared_without_any_work() {
    let data = data();
    let environments = open(data.path(), |_| {}).await;
    if !index_answers(&environments).await {
        return;
    }
    let seen = Mutex::new(Vec::new());
    let first = environments
        .build(request(&environments, &["six==1.16.0", "idna"]), &|packages| seen.lock().unwrap().push(packages))
        .await;
    assert_eq!(statuses(&first), [Installed, Installed], "{first:?}");
    assert_eq!(first.packages[0].installed_version.as_deref(), Some("1.16.0"));
    let serving = first.serving.unwrap();
    assert!(serving.complete && environments.exists(&serving).await);
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen[0][0].status, PackageStatus::Installing);
    assert_eq!(seen.last().unwrap(), &first.packages);
    let tree = data.path().join("environments").join(&serving.environment).join("tree");
    assert!(tree.join("six.py").is_file() && tree.join("__pycache__").is_dir());

    let moment = Instant::now();
    let second = build(&environments, &["idna", "six==1.16.0"]).await;
    let took = moment.elapsed();
    assert_eq!(second.serving.unwrap(), serving);
    assert_eq!(second.packages[1].installed_version.as_deref(), Some("1.16.0"));
    assert!(took < Duration::from_millis(100), "{took:?}");
    println!("the second build took {took:?}");

    let reopened = open(data.path(), |settings| settings.installer.uv = Some("/nonexistent/uv".into())).await;
    assert_eq!(build(&reopened, &["six==1.16.0", "idna"]).await.serving.unwrap(), serving, "no process is needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_package_does_not_take_the_others_down() {
    let data = data();
    let environments = open(data.path(), |_| {}).await;
    if !index_answers(&environments).await {
        return;
    }
    let report = build(&environments, &["six==1.16.0", "no-such-package-vvv", "idna", "packaging==99999"]).await;
    assert_eq!(statuses(&report), [Installed, NotInstalled, Installed, NotInstalled], "{report:?}");
    let text = message(&report.packages[1]);
    assert!(text.starts_with("Return code: 1.\n") && text.contains("no-such-package-vvv was not found"), "{text}");
    assert!(message(&report.packages[3]).contains("no version of packaging==99999"));
    assert!(!report.serving.unwrap().complete && report.fault.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_conflict_the_first_is_installed() {
    let data = data();
    let environments = open(data.path(), |_| {}).await;
    if !index_answers(&environments).await {
        return;
    }
    let report = build(&environments, &["requests==2.31.0", "idna==2.2", "six"]).await;
    assert_eq!(statuses(&report), [Installed, NotInstalled, Installed], "{report:?}");
    assert!(message(&report.packages[1]).contains("requests==2.31.0 depends on idna"), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_tried_again_afresh() {
    if uv().await.is_none() {
        return;
    }
    let data = data();
    let environments = open(data.path(), |settings| settings.installer.offline = true).await;
    let report = build(&environments, &["six"]).await;
    assert_eq!(statuses(&report), [NotInstalled]);
    assert!(message(&report.packages[0]).contains("network was disabled"), "{report:?}");
    let serving = report.serving.unwrap();
    assert!(!serving.complete && environments.exists(&serving).await, "plain Python still runs");

    let online = open(data.path(), |_| {}).await;
    if !index_answers(&online).await {
        return;
    }
    let mut again = request(&online, &["six"]);
    again.afresh = true;
    let report = online.build(again, &|_| {}).await;
    assert_eq!(statuses(&report), [Installed], "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_packages_need_neither_uv_nor_an_index() {
    let data = data();
    let environments = open(data.path(), |settings| settings.installer.uv = Some("/nonexistent/uv".into())).await;
    let report = build(&environments, &[]).await;
    assert!(report.serving.unwrap().complete && report.fault.is_none());

    let report = build(&environments, &["six"]).await;
    assert_eq!(statuses(&report), [NotInstalled]);
    assert!(report.fault.unwrap().contains("`/nonexistent/uv` is no executable file"));
    assert!(!report.serving.unwrap().complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_index_is_named_plainly_and_not_remembered() {
    if uv().await.is_none() {
        return;
    }
    let data = data();
    let own = "http://reader:secret@127.0.0.1:9/simple";
    let environments = open(data.path(), |settings| settings.installer.index_url = Some(own.to_owned())).await;
    let report = build(&environments, &["six", "idna"]).await;
    assert_eq!(statuses(&report), [NotInstalled, NotInstalled]);
    let fault = report.fault.unwrap();
    assert!(fault.contains("cannot fetch `http://") && fault.contains("Connection refused"), "{fault}");
    assert!(!fault.contains("secret"), "{fault}");
    assert_eq!(std::fs::read_dir(data.path().join("environments/.resolutions")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_ends_at_its_time_limit() {
    let data = data();
    let slow = data.path().join("slow-uv");
    std::fs::write(&slow, "#!/bin/sh\nsleep 1000\n").unwrap();
    std::fs::set_permissions(&slow, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let environments = open(data.path(), |settings| {
        settings.installer.uv = Some(slow.clone());
        settings.builds.time = Duration::from_secs(2);
    })
    .await;
    let report = build(&environments, &["six"]).await;
    assert!(message(&report.packages[0]).starts_with("Return code: 124.\nthe build took longer"), "{report:?}");
    assert!(report.fault.is_some() && !report.serving.unwrap().complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_beyond_the_size_limit_is_refused() {
    if uv().await.is_none() {
        return;
    }
    let data = data();
    let environments = open(data.path(), |settings| settings.builds.size_bytes = 10_000).await;
    let report = build(&environments, &["six"]).await;
    let fault = report.fault.clone().unwrap();
    if fault.contains("cannot fetch") {
        println!("skipped: no package index: {fault}");
        return;
    }
    assert!(fault.contains("more than the limit of"), "{fault}");
    assert_eq!(statuses(&report), [NotInstalled]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_interpreter_names_those_that_are_there() {
    let data = data();
    let environments = open(data.path(), |_| {}).await;
    let mut wanted = request(&environments, &["six"]);
    wanted.python_version = "3.99".to_owned();
    let report = environments.build(wanted, &|_| {}).await;
    let newest = environments.interpreters()[0].version.to_string();
    assert_eq!(statuses(&report), [NotInstalled]);
    assert!(report.serving.is_none());
    assert!(report.fault.unwrap().contains(&newest));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_interpreter_is_left_out() {
    let data = data();
    let broken = data.path().join("bin/python3");
    std::fs::create_dir_all(broken.parent().unwrap()).unwrap();
    std::fs::copy("/bin/false", &broken).unwrap();
    let environments = open(data.path(), |settings| settings.discovery.configured.push(broken.clone())).await;
    let found = environments.interpreters();
    assert!(!found.is_empty() && found.iter().all(|interpreter| interpreter.executable != broken));
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_what_nobody_needs_and_an_interrupted_build_leaves_nothing() {
    let data = data();
    let environments = open(data.path(), |_| {}).await;
    let empty = build(&environments, &[]).await.serving.unwrap();
    let needed = BTreeSet::from([empty.environment.clone()]);
    assert_eq!(environments.collect_garbage(&needed).await, 0);
    assert!(environments.exists(&empty).await);
    assert_eq!(environments.collect_garbage(&BTreeSet::new()).await, 1);
    assert!(!environments.exists(&empty).await);
    drop(environments);

    let left = data.path().join("environments/.staging/build-left/tree");
    std::fs::create_dir_all(&left).unwrap();
    let environments = open(data.path(), |_| {}).await;
    assert!(!left.exists());
    assert!(build(&environments, &[]).await.serving.unwrap().complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_builds_at_once_obtain_one_installer_and_agree() {
    let data = data();
    let environments = open(data.path(), |settings| {
        settings.installer.uv = None;
        settings.installer.search_path.clear();
    })
    .await;
    let builds = (0..6).map(|_| build(&environments, &["six==1.16.0"]));
    let reports = futures::future::join_all(builds).await;
    if let Some(fault) = &reports[0].fault {
        println!("skipped: no package index: {fault}");
        return;
    }
    let first = reports[0].serving.clone().unwrap();
    assert!(reports.iter().all(|report| report.serving.as_ref() == Some(&first)), "{reports:?}");
    let entries = std::fs::read_dir(data.path().join("installer")).unwrap();
    let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        names.contains(&"uv-0.13.9".into()) && names.iter().all(|name| !name.as_encoded_bytes().starts_with(b".uv-"))
    );
}
