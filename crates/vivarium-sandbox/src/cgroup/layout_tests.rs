use super::*;

fn parse(mountinfo: &str, own_cgroups: &str, v2: &str) -> Layout {
    Layout::parse(&Sources { mountinfo, own_cgroups, v2_controllers: &|_| v2.to_owned() })
}

const V2: &str = "\
24 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate
";

const V1: &str = "\
30 24 0:25 / /sys/fs/cgroup/memory rw shared:5 - cgroup cgroup rw,memory
31 24 0:26 / /sys/fs/cgroup/cpu,cpuacct rw shared:6 - cgroup cgroup rw,cpu,cpuacct
32 24 0:27 / /sys/fs/cgroup/pids rw shared:7 - cgroup cgroup rw,pids
";

#[test]
fn on_a_unified_host_one_hierarchy_serves_all() {
    let own = "0::/system.slice/vivarium.service\n";
    let layout = parse(V2, own, "cpuset cpu io memory pids\n");
    let [hierarchy] = &layout.hierarchies[..] else {
        panic!("{layout:?}");
    };
    assert_eq!(hierarchy.driver, Driver::V2);
    assert_eq!(hierarchy.own, Path::new("system.slice/vivarium.service"));
    assert_eq!(hierarchy.controllers, Controller::ALL);
    assert!(hierarchy.accounts_cpu);
}

#[test]
fn on_an_old_host_each_controller_has_its_own() {
    let own = "3:pids:/\n2:cpu,cpuacct:/user.slice\n1:memory:/user.slice/a\n";
    let layout = parse(V1, own, "");
    assert_eq!(layout.hierarchies.len(), 3);
    let cpu = layout.of(Controller::Cpu).unwrap();
    assert_eq!((cpu.own.as_path(), cpu.accounts_cpu), (Path::new("user.slice"), true));
    let memory = layout.of(Controller::Memory).unwrap();
    assert_eq!((memory.own.as_path(), memory.accounts_cpu), (Path::new("user.slice/a"), false));
    assert_eq!(layout.of(Controller::Pids).unwrap().own, Path::new(""));
}

#[test]
fn on_a_hybrid_host_each_controller_is_taken_where_it_lives() {
    let mountinfo = format!("{V1}33 24 0:28 / /sys/fs/cgroup/unified rw shared:8 - cgroup2 cgroup2 rw\n");
    let layout = parse(&mountinfo, "1:memory:/\n0::/\n", "hugetlb\n");
    let drivers: Vec<_> = layout.hierarchies.iter().map(|one| one.driver).collect();
    assert_eq!(drivers, [Driver::V1; 3]);
}

#[test]
fn accounting_that_lives_alone_is_taken_too() {
    let mountinfo = "\
30 24 0:25 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct
31 24 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
";
    let layout = parse(mountinfo, "2:cpuacct:/a\n1:cpu:/\n", "");
    let [cpu, accounting] = &layout.hierarchies[..] else {
        panic!("{layout:?}");
    };
    assert_eq!((&cpu.controllers[..], cpu.accounts_cpu), (&[Controller::Cpu][..], false));
    assert!(accounting.controllers.is_empty() && accounting.accounts_cpu);
    assert_eq!((accounting.own.as_path(), accounting.layer()), (Path::new("a"), Layer::CgroupCpu));
}

#[test]
fn in_a_container_the_own_path_is_told_from_the_mounts_root() {
    let mountinfo = "\
30 24 0:25 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
";
    let layout = parse(mountinfo, "1:memory:/docker/abc/inner\n", "");
    assert_eq!(layout.of(Controller::Memory).unwrap().own, Path::new("inner"));
    let layout = parse(mountinfo, "1:memory:/elsewhere\n", "");
    assert_eq!(layout.of(Controller::Memory).unwrap().own, Path::new(""));
}

#[test]
fn a_position_outside_of_the_namespace_is_not_climbed_to() {
    let layout = parse(V2, "0::/../../other\n", "memory\n");
    assert_eq!(layout.of(Controller::Memory).unwrap().own, Path::new(""));
}

#[test]
fn without_cgroup_mounts_nothing_is_found() {
    assert_eq!(parse("24 1 8:1 / / rw - ext4 /dev/sda1 rw\n", "", ""), Layout::default());
}

#[test]
fn mount_points_with_blanks_are_read() {
    let mountinfo = "30 24 0:25 / /sys/a\\040b rw - cgroup cgroup rw,memory\n";
    let layout = parse(mountinfo, "", "");
    assert_eq!(layout.hierarchies[0].mount, Path::new("/sys/a b"));
}
