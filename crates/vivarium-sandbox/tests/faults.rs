//! Each failing step is told as what it is, and undone.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod common;

use vivarium_sandbox::{Fault, IdRange, Layer, Mount, Plan, Sandbox, SandboxError};

async fn fault(test: &str, plan: Plan) -> Option<Fault> {
    let sandbox = common::sandbox(test)?;
    let Err(SandboxError::Fault(fault)) = common::try_run(&sandbox, plan).await.map(|run| run.exit) else {
        panic!("no fault");
    };
    sandbox.close().await;
    assert_eq!(sandbox.live(), 0);
    Some(fault)
}

#[tokio::test]
async fn a_missing_bind_source_is_named() {
    let mut plan = common::shell("");
    plan.mounts.push(Mount::Bind { source: "/does/not/exist".into(), target: "/x".into(), exec: false });
    let Some(fault) = fault("source", plan).await else { return };
    assert_eq!(fault.layer, Layer::MountNamespace);
    assert_eq!(
        fault.to_string(),
        "cannot open the bind source `/does/not/exist` (layer `mount-namespace`): \
         No such file or directory (os error 2)"
    );
    assert!(fault.remedy().is_some());
}

#[tokio::test]
async fn a_missing_command_is_named() {
    let Some(fault) = fault("command", common::plan("/bin/absent", &[])).await else { return };
    assert_eq!((fault.step.as_str(), fault.errno), ("execute the command", Some(2)));
    assert_eq!(fault.subject.as_deref(), Some("/bin/absent"));
}

#[tokio::test]
async fn a_missing_working_directory_is_named() {
    let mut plan = common::shell("");
    plan.working_directory = "/nowhere".into();
    let Some(fault) = fault("directory", plan).await else { return };
    assert_eq!(fault.step, "enter the working directory");
}

#[tokio::test]
async fn a_target_inside_a_read_only_bind_is_refused() {
    let mut plan = common::shell("");
    plan.mounts.push(Mount::Scratch { target: "/usr/absent".into(), mode: 0o700, exec: false });
    let Some(fault) = fault("inside", plan).await else { return };
    assert_eq!((fault.step.as_str(), fault.errno), ("make the directory", Some(30)));
}

#[tokio::test]
async fn a_target_behind_a_link_is_refused() {
    let mut plan = common::shell("");
    let points_to = "/tmp".into();
    plan.mounts.push(Mount::Symlink { target: "/link".into(), points_to });
    plan.mounts.push(Mount::Scratch { target: "/link/x".into(), mode: 0o700, exec: false });
    let Some(fault) = fault("link", plan).await else { return };
    assert_eq!((fault.step.as_str(), fault.errno), ("make the directory", Some(40)));
}

#[tokio::test]
async fn a_plan_that_contradicts_itself_is_refused_before_anything_is_done() {
    let Some(sandbox) = common::sandbox("plan") else { return };
    let mut plan = common::shell("");
    plan.mounts.push(Mount::Proc);
    let refused = common::try_run(&sandbox, plan).await.err().unwrap();
    assert!(matches!(refused, SandboxError::Plan(_)), "{refused}");
    sandbox.close().await;
}

#[tokio::test]
async fn an_absent_launcher_is_named() {
    let mut settings = common::settings("absent");
    settings.launcher.program = "/does/not/exist".into();
    let Ok(sandbox) = Sandbox::new(settings) else {
        eprintln!("skipped: this host cannot give every layer");
        return;
    };
    let refused = common::try_run(&sandbox, common::shell("")).await.err().unwrap();
    assert!(matches!(refused, SandboxError::Launcher { .. }), "{refused}");
    sandbox.close().await;
}

#[tokio::test]
async fn a_launcher_that_does_not_speak_is_given_up() {
    let mut settings = common::settings("mute");
    settings.launcher.program = "/bin/true".into();
    let Ok(sandbox) = Sandbox::new(settings) else {
        eprintln!("skipped: this host cannot give every layer");
        return;
    };
    let refused = common::try_run(&sandbox, common::shell("")).await.err().unwrap();
    assert!(matches!(refused, SandboxError::Silent(_)), "{refused}");
    sandbox.close().await;
}

#[tokio::test]
async fn a_launcher_that_hangs_is_given_up_after_the_timeout() {
    let mut settings = common::settings("hang");
    settings.launcher.program = "/bin/sh".into();
    settings.launcher.args = ["-c".into(), "while :; do :; done".into()].into();
    settings.start_timeout = std::time::Duration::from_millis(50);
    let Ok(sandbox) = Sandbox::new(settings) else {
        eprintln!("skipped: this host cannot give every layer");
        return;
    };
    let refused = common::try_run(&sandbox, common::shell("")).await.err().unwrap();
    assert!(matches!(refused, SandboxError::Silent(_)), "{refused}");
    sandbox.close().await;
}

#[tokio::test]
async fn more_instances_than_ids_are_refused() {
    let mut settings = common::settings("exhausted");
    settings.ids = IdRange { first: 1_800_000_000, count: 1 };
    let Ok(sandbox) = Sandbox::new(settings) else {
        eprintln!("skipped: this host cannot give every layer");
        return;
    };
    let only = sandbox.spawn(common::shell("while :; do :; done")).await.unwrap();
    let refused = sandbox.spawn(common::shell("")).await.err().unwrap();
    assert!(matches!(refused, SandboxError::IdsExhausted(1)), "{refused}");
    drop(only);
    sandbox.settled().await;
    assert_eq!(common::run(&sandbox, common::shell("")).await.code(), 0);
    sandbox.close().await;
}
