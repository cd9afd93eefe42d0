//! The doctor's report tells the truth.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod common;

use vivarium_sandbox::Layer;
use vivarium_sandbox::probe::{self, State};

#[tokio::test]
async fn every_layer_is_proven_where_instances_can_be_started() {
    let Some(sandbox) = common::sandbox("probe") else {
        return;
    };
    let rows = probe::run(common::settings("probe")).await;
    for row in &rows {
        eprintln!("{:18} {:?}: {}", row.layer.name(), row.state, row.proof);
    }
    assert_eq!(rows.iter().map(|row| row.layer).collect::<Vec<_>>(), Layer::ALL);
    let missing: Vec<_> = rows.iter().filter(|row| row.state != State::On).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    sandbox.close().await;
}

/// The end of one must not take the cgroups of another away.
#[tokio::test]
async fn two_reports_at_once_do_not_disturb_each_other() {
    let Some(sandbox) = common::sandbox("probe-twice") else {
        return;
    };
    let (one, other) =
        tokio::join!(probe::run(common::settings("probe-twice")), probe::run(common::settings("probe-twice")));
    let missing: Vec<_> = one.iter().chain(&other).filter(|row| row.state != State::On).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    sandbox.close().await;
}

#[tokio::test]
async fn without_a_launcher_nothing_is_claimed() {
    let mut settings = common::settings("no-probe");
    settings.launcher.program = "/does/not/exist".into();
    let rows = probe::run(settings).await;
    assert_eq!(rows.len(), Layer::ALL.len());
    assert!(rows.iter().all(|row| row.state == State::Missing));
}
