//! On a kernel that lacks a layer: nothing runs until the operator says so, and then it is told.
//! An older kernel is played by a filter that hides the calls from the server and its launchers.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr)]

mod common;

use std::process::Command;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use vivarium_sandbox::probe::{self, State};
use vivarium_sandbox::{Layer, Sandbox, SandboxError};

const ROLE: &str = "VIVARIUM_SANDBOX_TEST_OLD_KERNEL";

/// Runs one role of this test program, because a filter cannot be taken off again.
fn play(role: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", role, "--nocapture"])
        .env(ROLE, role)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    eprintln!("{said}");
}

fn plays(role: &str) -> bool {
    std::env::var(ROLE).is_ok_and(|played| played == role)
}

fn hide(calls: &[libc::c_long]) {
    let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
    let missing = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    let machine = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, missing, machine).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter_all_threads(&program).unwrap();
}

/// `filters` counts the hiding one too. Demanded, the layer's absence is an error with a remedy; lowered, it is told by everyone.
async fn without(layer: Layer, name: &str, filters: u32) {
    let refused = Sandbox::new(common::settings(name)).err().unwrap();
    assert!(matches!(&refused, SandboxError::Fault(fault) if fault.layer == layer), "{refused}");
    assert!(refused.remedy().unwrap().contains(layer.name()), "{refused}");
    let rows = probe::run(common::settings(name)).await;
    let row = rows.iter().find(|row| row.layer == layer).unwrap();
    assert_eq!(row.state, State::Missing, "{row:?}");
    assert!(rows.iter().all(|row| row.layer == layer || row.state == State::On), "{rows:#?}");
    let mut settings = common::settings(name);
    settings.demands.lower(layer).unwrap();
    let sandbox = Sandbox::new(settings).unwrap();
    assert_eq!(sandbox.missing(), [layer]);
    let run = common::run(&sandbox, common::plan("/bin/grep", &["Seccomp_filters:", "/proc/self/status"])).await;
    assert_eq!(run.stdout, format!("Seccomp_filters:\t{filters}\n"), "{}", run.stderr);
    sandbox.close().await;
}

#[test]
fn a_kernel_without_landlock_starts_nothing_unless_the_layer_is_lowered() {
    play("role_without_landlock");
}

#[test]
fn a_kernel_without_filters_starts_nothing_unless_the_layer_is_lowered() {
    play("role_without_seccomp");
}

#[tokio::test]
async fn role_without_landlock() {
    if !plays("role_without_landlock") {
        return;
    }
    let Some(sandbox) = common::sandbox("landlock-here") else { return };
    sandbox.close().await;
    hide(&[libc::SYS_landlock_create_ruleset, libc::SYS_landlock_add_rule, libc::SYS_landlock_restrict_self]);
    without(Layer::Landlock, "no-landlock", 2).await;
}

#[tokio::test]
async fn role_without_seccomp() {
    if !plays("role_without_seccomp") {
        return;
    }
    let Some(sandbox) = common::sandbox("seccomp-here") else { return };
    sandbox.close().await;
    hide(&[libc::SYS_seccomp]);
    without(Layer::Seccomp, "no-seccomp", 1).await;
}
