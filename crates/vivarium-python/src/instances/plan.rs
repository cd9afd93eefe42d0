//! What an instance sees and may use: the interpreter, the environment, a little of its own, nothing of the host's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use vivarium_domain::runtime::Resource;
use vivarium_sandbox::{Cell, Limits, Mount, Plan, Scratch, USUAL_CPU_WEIGHT};

use crate::interpreters::{HostPath, Installation};

const HARNESS: &str = include_str!("harness.py");
const HARNESS_PATH: &str = "/vivarium/harness.py";
const ZYGOTE: &str = include_str!("zygote.py");
const ZYGOTE_PATH: &str = "/vivarium/zygote.py";
/// What the zygote is to load, a name each line; `zygote.py` knows it too.
const MODULES_PATH: &str = "/vivarium/modules";
const HOME: &str = "/home/sandbox";
/// Where the packages appear; `harness.py` knows it too.
const ENVIRONMENT: &str = "/environment";
const CERTIFICATES: &str = "/etc/ssl/cert.pem";

const OPEN_FILES: u64 = 1024;
const STACK_BYTES: u64 = 8 << 20;
/// An inode of the scratch space costs about a kilobyte of kernel memory; few files are smaller than four.
const BYTES_FOR_AN_INODE: u64 = 4096;

/// Files that programs look for, with nothing of the host in them.
const OWN_FILES: [(&str, &str); 5] = [
    ("/etc/passwd", "root:x:0:0:root:/:/sbin/nologin\nsandbox:x:1000:1000:sandbox:/home/sandbox:/sbin/nologin\n"),
    ("/etc/group", "root:x:0:\nsandbox:x:1000:\n"),
    ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n100.64.0.1 vivarium.internal\n"),
    ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    // Answers only where the runtime has a whitelist; without one, no packet leaves the instance.
    ("/etc/resolv.conf", "nameserver 100.64.0.1\noptions timeout:5 attempts:2\n"),
];

/// Variables by which numeric libraries size their thread pools; they would count the host's processors.
const THREAD_COUNTS: [&str; 5] =
    ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "POLARS_MAX_THREADS"];

/// Memory that a zygote may take to load modules: what its instances may, but not less.
const LEAST_ZYGOTE_MEMORY_BYTES: u64 = 1 << 30;
/// It has one thread, forks one child at a time, and has its keeper beside it.
const ZYGOTE_PROCESSES: u32 = 16;
const ZYGOTE_CPU_WEIGHT: u32 = 10 * USUAL_CPU_WEIGHT;

/// Where the parts of an instance lie on the host.
pub(crate) struct Parts<'parts> {
    pub(crate) interpreter: &'parts Installation,
    pub(crate) packages: PathBuf,
    pub(crate) empty: &'parts Path,
}

/// The plan of a zygote that loads these modules, and what each of its instances gets of its own.
pub(super) fn zygote(parts: &Parts<'_>, resource: &Resource, modules: &[String]) -> (Plan, Cell) {
    let mut plan = plan(parts, resource);
    // The first process of a cell is not the script.
    let limits = Limits { processes: plan.limits.processes.saturating_add(1), ..plan.limits };
    let cell = Cell { scratch: plan.scratch, limits };
    plan.args = arguments(ZYGOTE_PATH);
    plan.args.push(threads(resource));
    // While modules are loaded; a library that starts threads then could not be kept.
    plan.environment.extend(THREAD_COUNTS.map(|name| (name.to_owned(), "1".to_owned())));
    plan.mounts.extend([file(ZYGOTE_PATH, ZYGOTE), file(MODULES_PATH, &modules.join("\n"))]);
    plan.limits.memory_bytes = plan.limits.memory_bytes.max(LEAST_ZYGOTE_MEMORY_BYTES);
    plan.limits.processes = ZYGOTE_PROCESSES;
    plan.limits.cpu_millicores = plan.limits.cpu_millicores.max(1000);
    // Somebody waits for what it forks.
    plan.limits.cpu_weight = ZYGOTE_CPU_WEIGHT;
    (plan, cell)
}

fn arguments(program: &str) -> Vec<String> {
    ["-I", "-S", "-B", "-u", "-X", "utf8", program].map(str::to_owned).to_vec()
}

/// The plan of an instance that is an interpreter of its own.
pub(crate) fn plan(parts: &Parts<'_>, resource: &Resource) -> Plan {
    let mut plan = Plan::new(&parts.interpreter.executable);
    plan.args = arguments(HARNESS_PATH);
    plan.environment = environment(parts.interpreter, resource);
    plan.working_directory = HOME.into();
    plan.hostname = "vivarium".to_owned();
    let bytes = resource.disk_mib << 20;
    plan.scratch = Scratch { bytes, inodes: (bytes / BYTES_FOR_AN_INODE).max(1024) };
    plan.mounts = mounts(parts);
    plan.limits = Limits {
        memory_bytes: resource.memory_mib << 20,
        cpu_millicores: resource.cpu_millis,
        cpu_weight: USUAL_CPU_WEIGHT,
        processes: resource.processes,
        open_files: OPEN_FILES,
        file_size_bytes: None,
        stack_bytes: STACK_BYTES,
    };
    plan
}

fn mounts(parts: &Parts<'_>) -> Vec<Mount> {
    let footprint = &parts.interpreter.footprint;
    let mut mounts: Vec<Mount> = footprint.paths.iter().map(|path| mount(path, parts.empty)).collect();
    if let Some(certificates) = &footprint.certificates {
        mounts.push(Mount::Bind { source: certificates.clone(), target: CERTIFICATES.into(), exec: false });
    }
    mounts.push(Mount::Bind { source: parts.packages.clone(), target: ENVIRONMENT.into(), exec: true });
    mounts.push(Mount::Scratch { target: "/tmp".into(), mode: 0o1777, exec: false });
    mounts.push(Mount::Scratch { target: HOME.into(), mode: 0o700, exec: false });
    mounts.extend(OWN_FILES.map(|(path, contents)| file(path, contents)));
    mounts.push(Mount::Symlink { target: "/etc/localtime".into(), points_to: "/usr/share/zoneinfo/UTC".into() });
    mounts.push(file(HARNESS_PATH, HARNESS));
    mounts.extend([Mount::Proc, Mount::Dev]);
    mounts
}

fn mount(path: &HostPath, empty: &Path) -> Mount {
    match path {
        HostPath::Bind { source, target, exec } => {
            Mount::Bind { source: source.clone(), target: target.clone(), exec: *exec }
        }
        HostPath::Link { target, points_to } => Mount::Symlink { target: target.clone(), points_to: points_to.clone() },
        HostPath::Hidden { target } => Mount::Bind { source: empty.to_owned(), target: target.clone(), exec: false },
    }
}

fn file(path: &str, contents: &str) -> Mount {
    Mount::File { target: path.into(), contents: contents.to_owned(), mode: 0o444 }
}

fn threads(resource: &Resource) -> String {
    resource.cpu_millis.div_ceil(1000).max(1).to_string()
}

fn environment(interpreter: &Installation, resource: &Resource) -> BTreeMap<String, String> {
    let threads = threads(resource);
    let fixed = [
        ("PATH", "/environment/bin"),
        ("HOME", HOME),
        ("USER", "sandbox"),
        ("LOGNAME", "sandbox"),
        ("LANG", "C.UTF-8"),
        ("TZ", "UTC"),
        ("TMPDIR", "/tmp"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PYTHONNOUSERSITE", "1"),
    ];
    let mut variables: BTreeMap<String, String> = fixed.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    variables.extend(THREAD_COUNTS.map(|name| (name.to_owned(), threads.clone())));
    let footprint = &interpreter.footprint;
    if footprint.certificates.is_some() {
        variables.insert("SSL_CERT_FILE".to_owned(), CERTIFICATES.to_owned());
    }
    if !footprint.library_path.is_empty() {
        let directories: Vec<_> = footprint.library_path.iter().map(|path| path.to_string_lossy()).collect();
        variables.insert("LD_LIBRARY_PATH".to_owned(), directories.join(":"));
    }
    variables
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::interpreters::Footprint;

    fn made(resource: &Resource) -> Plan {
        let footprint = Footprint {
            paths: vec![HostPath::Hidden { target: "/usr/lib/python3.12/site-packages".into() }],
            library_path: vec!["/opt/a".into(), "/opt/b".into()],
            certificates: None,
        };
        let interpreter = Installation {
            version: "3.12.1".parse().unwrap(),
            executable: "/usr/bin/python3.12".into(),
            extension_suffix: String::new(),
            footprint,
        };
        let parts =
            Parts { interpreter: &interpreter, packages: "/data/e/tree".into(), empty: Path::new("/data/empty") };
        plan(&parts, resource)
    }

    #[test]
    fn limits_become_those_of_the_sandbox_and_the_plan_is_sound() {
        let plan = made(&Resource { cpu_millis: 1500, memory_mib: 64, disk_mib: 3, processes: 7 });
        plan.check().unwrap();
        assert_eq!((plan.limits.memory_bytes, plan.limits.processes), (64 << 20, 7));
        assert_eq!(plan.scratch, Scratch { bytes: 3 << 20, inodes: 1024 });
        assert_eq!(plan.environment["OMP_NUM_THREADS"], "2");
        assert_eq!(plan.environment["LD_LIBRARY_PATH"], "/opt/a:/opt/b");
    }

    #[test]
    fn nothing_of_the_host_is_bound_but_what_is_asked_for() {
        let plan = made(&Resource::default());
        let bound = plan.mounts.iter().filter_map(|mount| match mount {
            Mount::Bind { source, .. } => Some(source.clone()),
            _ => None,
        });
        assert_eq!(Vec::from_iter(bound), [PathBuf::from("/data/empty"), PathBuf::from("/data/e/tree")]);
    }
}
