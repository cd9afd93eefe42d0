//! What an instance sees and may use: the interpreter, the environment, a little of its own, nothing of the host's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use vivarium_domain::runtime::Resource;
use vivarium_sandbox::{Limits, Mount, Plan, Scratch};

use crate::interpreters::{HostPath, Installation};

const HARNESS: &str = include_str!("harness.py");
const HARNESS_PATH: &str = "/vivarium/harness.py";
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
    ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    ("/etc/resolv.conf", ""),
];

/// Variables by which numeric libraries size their thread pools; they would count the host's processors.
const THREAD_COUNTS: [&str; 5] =
    ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "POLARS_MAX_THREADS"];

/// Where the parts of an instance lie on the host.
pub(super) struct Parts<'parts> {
    pub(super) interpreter: &'parts Installation,
    pub(super) packages: PathBuf,
    pub(super) empty: &'parts Path,
}

/// The plan of an instance.
pub(super) fn plan(parts: &Parts<'_>, resource: &Resource) -> Plan {
    let mut plan = Plan::new(&parts.interpreter.executable);
    plan.args = ["-I", "-S", "-B", "-u", "-X", "utf8", HARNESS_PATH].map(str::to_owned).to_vec();
    plan.environment = environment(parts.interpreter, resource);
    plan.working_directory = HOME.into();
    plan.hostname = "vivarium".to_owned();
    let bytes = resource.disk_mib << 20;
    plan.scratch = Scratch { bytes, inodes: (bytes / BYTES_FOR_AN_INODE).max(1024) };
    plan.mounts = mounts(parts);
    plan.limits = Limits {
        memory_bytes: resource.memory_mib << 20,
        cpu_millicores: resource.cpu_millis,
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

fn environment(interpreter: &Installation, resource: &Resource) -> BTreeMap<String, String> {
    let threads = resource.cpu_millis.div_ceil(1000).max(1).to_string();
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
