use super::*;
use crate::plan::Identity;

fn bind(source: &str, target: &str) -> Mount {
    Mount::Bind { source: source.into(), target: target.into(), exec: true }
}

fn check_of(change: impl FnOnce(&mut Plan)) -> Result<(), PlanError> {
    let mut plan = Plan::new("/bin/true");
    change(&mut plan);
    plan.check()
}

#[test]
fn the_default_plan_is_accepted() {
    assert_eq!(check_of(|_| {}), Ok(()));
}

#[test]
fn paths_that_are_not_plain_are_refused() {
    for path in ["", "bin", "/a/../b", "/a/./b", "/a//b", "/a/", "/a\0b"] {
        let checked = check_of(|plan| plan.command = path.into());
        assert!(matches!(checked, Err(PlanError::Path { .. })), "{path:?}");
        let checked = check_of(|plan| plan.mounts.push(bind(path, "/x")));
        assert!(matches!(checked, Err(PlanError::Path { .. })), "{path:?}");
        let checked = check_of(|plan| plan.mounts.push(bind("/x", path)));
        assert!(matches!(checked, Err(PlanError::Path { .. })), "{path:?}");
    }
}

#[test]
fn the_root_and_the_kernels_trees_are_not_for_binding() {
    assert!(matches!(check_of(|plan| plan.mounts.push(bind("/", "/x"))), Err(PlanError::Root(_))));
    assert!(matches!(check_of(|plan| plan.mounts.push(bind("/x", "/"))), Err(PlanError::Root(_))));
    for source in ["/proc", "/proc/1", "/sys/fs", "/dev/sda"] {
        let checked = check_of(|plan| plan.mounts.push(bind(source, "/x")));
        assert_eq!(checked, Err(PlanError::KernelTree(source.into())));
    }
}

#[test]
fn two_mounts_cannot_share_a_target() {
    let checked = check_of(|plan| plan.mounts.extend([Mount::Proc, bind("/x", "/proc")]));
    assert_eq!(checked, Err(PlanError::DuplicateTarget("/proc".into())));
}

#[test]
fn root_inside_is_not_on_offer() {
    for id in [0, u32::MAX] {
        let checked = check_of(|plan| plan.identity = Identity { uid: id, gid: 1 });
        assert_eq!(checked, Err(PlanError::Identity { role: "uid", id }));
        let checked = check_of(|plan| plan.identity = Identity { uid: 1, gid: id });
        assert_eq!(checked, Err(PlanError::Identity { role: "gid", id }));
    }
}

#[test]
fn setuid_files_are_refused() {
    let file = Mount::File { target: "/x".into(), contents: String::new(), mode: 0o4755 };
    let checked = check_of(|plan| plan.mounts.push(file));
    assert!(matches!(checked, Err(PlanError::Mode { mode: 0o4755, .. })));
}

#[test]
fn texts_that_execve_cannot_carry_are_refused() {
    let checked = check_of(|plan| plan.args.push("a\0b".into()));
    assert_eq!(checked, Err(PlanError::Nul("argument")));
    for name in ["", "A=B", "A\0"] {
        let checked = check_of(|plan| {
            plan.environment.insert(name.into(), String::new());
        });
        assert_eq!(checked, Err(PlanError::EnvironmentName(name.into())));
    }
}

#[test]
fn limits_too_small_for_any_program_are_refused() {
    let checked = check_of(|plan| plan.limits.memory_bytes = 4096);
    assert!(matches!(checked, Err(PlanError::Limit { name: "memory_bytes", .. })));
    let checked = check_of(|plan| plan.limits.processes = 0);
    assert!(matches!(checked, Err(PlanError::Limit { name: "processes", .. })));
}

#[test]
fn host_names_are_letters_digits_and_hyphens() {
    for name in ["", "a.b", "a b", &"x".repeat(64)] {
        let checked = check_of(|plan| plan.hostname = name.into());
        assert_eq!(checked, Err(PlanError::Hostname(name.into())));
    }
}

#[test]
fn no_program_runs_without_the_calls_that_every_program_makes() {
    assert_eq!(check_of(|plan| plan.system_calls = [Theme::Program].into()), Ok(()));
    assert_eq!(check_of(|plan| plan.system_calls = [Theme::Files].into()), Err(PlanError::SystemCalls));
    let joining = [Theme::Program, Theme::Join];
    assert_eq!(check_of(|plan| plan.system_calls = joining.into()), Err(PlanError::Joining));
}
