//! As an ordinary user: honest about what is missing, and isolated as far as demanded.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod common;

use std::os::unix::process::CommandExt;
use std::process::Command;

use vivarium_sandbox::probe::{self, State};
use vivarium_sandbox::{Layer, Sandbox, SandboxError};

const ROLE: &str = "VIVARIUM_SANDBOX_TEST_ORDINARY_USER";
const NOBODY: u32 = 65_534;

/// What an ordinary user cannot have on a host that delegates no cgroup to him.
const OUT_OF_REACH: [Layer; 5] =
    [Layer::OwnUid, Layer::Groups, Layer::CgroupMemory, Layer::CgroupCpu, Layer::CgroupPids];

/// Runs one role of this test program as nobody.
fn as_nobody(role: &str) {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become an ordinary user");
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", role, "--nocapture"])
        .env(ROLE, role)
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)
        .output();
    let Ok(output) = output else {
        eprintln!("skipped: nobody cannot execute the test program where it lies");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    eprintln!("{said}");
}

fn plays(role: &str) -> bool {
    std::env::var(ROLE).is_ok_and(|played| played == role)
}

#[test]
fn an_ordinary_user_is_told_what_is_missing() {
    as_nobody("role_demanding_everything");
}

#[test]
fn an_ordinary_user_can_lower_what_is_missing_and_keeps_the_rest() {
    as_nobody("role_with_lowered_demands");
}

#[tokio::test]
async fn role_demanding_everything() {
    if !plays("role_demanding_everything") {
        return;
    }
    let refused = Sandbox::new(common::settings("user")).err().unwrap();
    assert!(matches!(&refused, SandboxError::Fault(fault) if fault.layer == Layer::OwnUid));
    assert!(refused.remedy().is_some());
    for row in probe::run(common::settings("user")).await {
        eprintln!("{:18} {:?}: {}", row.layer.name(), row.state, row.proof);
        let missing = row.state == State::Missing && row.remedy.is_some();
        // Nobody has no supplementary group here to begin with.
        let expected = OUT_OF_REACH.contains(&row.layer) && row.layer != Layer::Groups;
        assert_eq!(missing, expected, "{row:?}");
    }
}

#[tokio::test]
async fn role_with_lowered_demands() {
    if !plays("role_with_lowered_demands") {
        return;
    }
    let mut settings = common::settings("lowered");
    for layer in OUT_OF_REACH {
        settings.demands.lower(layer).unwrap();
    }
    let sandbox = Sandbox::new(settings).unwrap();
    let mut missing = sandbox.missing().to_vec();
    missing.sort();
    assert_eq!(missing, OUT_OF_REACH);
    let script = "import os; print(os.getpid(), os.getuid(), *sorted(os.listdir('/')))";
    let run = common::run(&sandbox, common::python(script)).await;
    assert_eq!(run.stdout, "1 1000 bin dev lib lib64 proc tmp usr\n", "{}", run.stderr);
    let mut endless = sandbox.spawn(common::shell("while :; do :; done")).await.unwrap();
    endless.kill();
    assert!(endless.wait().await.killed);
    sandbox.close().await;
}
