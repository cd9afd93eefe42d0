//! From findings to proofs: pure.

use super::Proof;
use super::findings::{DISK_BYTES, Findings};
use super::inside;
use crate::layer::Layer;
use crate::sys;

/// For all layers but the cgroups, which need instances of their own.
pub(super) fn judge(findings: &Findings, layer: Layer) -> Proof {
    match layer {
        Layer::UserNamespace => differs(findings, "user"),
        Layer::IpcNamespace => differs(findings, "ipc"),
        Layer::CgroupNamespace => differs(findings, "cgroup"),
        Layer::OwnUid => own_uid(findings),
        Layer::Groups => groups(findings),
        Layer::MountNamespace => mounts(findings),
        Layer::Disk => disk(findings),
        Layer::PidNamespace => pids(findings),
        Layer::Proc => proc(findings),
        Layer::UtsNamespace => host_name(findings),
        Layer::NetNamespace => network(findings),
        Layer::ResourceLimits => core(findings),
        Layer::Capabilities => capabilities(findings),
        Layer::NoNewPrivileges => status_is(findings, "NoNewPrivs", "1"),
        Layer::Seccomp => filter(findings),
        Layer::Landlock => rules(findings),
        Layer::Descriptors => descriptors(findings),
        Layer::Launcher => session(findings),
        Layer::CgroupMemory | Layer::CgroupCpu | Layer::CgroupPids => Err("not a matter of looking".to_owned()),
    }
}

fn proof(holds: bool, words: String) -> Proof {
    if holds { Ok(words) } else { Err(words) }
}

/// The identity of a namespace is its inode, the same for all who are in it.
fn differs(findings: &Findings, name: &str) -> Proof {
    let host = inside::namespaces();
    let (inner, outer) = (findings.namespaces.get(name), host.get(name));
    let words = |value: Option<&String>| value.cloned().unwrap_or_default();
    let told = format!("inside {}, outside {}", words(inner), words(outer));
    proof(inner.is_some() && inner != outer, told)
}

fn status<'a>(findings: &'a Findings, name: &str) -> &'a str {
    findings.status.get(name).map_or("?", String::as_str)
}

fn status_is(findings: &Findings, name: &str, expected: &str) -> Proof {
    let value = status(findings, name);
    proof(value == expected, format!("`{name}` is {value} in /proc/self/status"))
}

/// Inside, the map shows the ids of the parent namespace: inside id, host id, count.
fn own_uid(findings: &Findings) -> Proof {
    let fields: Vec<_> = findings.uid_map.split_whitespace().collect();
    let own = rustix::process::geteuid().as_raw().to_string();
    let told = format!("/proc/self/uid_map holds `{}`", fields.join(" "));
    let holds = matches!(fields[..], [_, host, "1"] if host != own && host != "0");
    proof(holds, told)
}

fn groups(findings: &Findings) -> Proof {
    let groups = status(findings, "Groups");
    proof(groups.is_empty(), format!("supplementary groups: {} in number", groups.split_whitespace().count()))
}

const ERRNO_READ_ONLY: i32 = 30;

fn mounts(findings: &Findings) -> Proof {
    let foreign = findings.root.iter().any(|name| ["home", "root", "etc"].contains(&name.as_str()));
    let sealed = findings.root_write == Some(ERRNO_READ_ONLY);
    let told = format!(
        "the root holds only `{}` and is {}",
        findings.root.join(" "),
        if sealed { "read-only" } else { "not read-only" }
    );
    differs(findings, "mnt").and(proof(!foreign && sealed, told))
}

fn disk(findings: &Findings) -> Proof {
    let written = findings.disk_bytes;
    let told = format!("wrote {written} bytes to two directories under a limit of {DISK_BYTES}");
    proof((1..=DISK_BYTES).contains(&written), told)
}

fn pids(findings: &Findings) -> Proof {
    let told = format!("the processes visible inside are `{}`", findings.processes.join(" "));
    differs(findings, "pid").and(proof(findings.processes == ["1"], told))
}

fn proc(findings: &Findings) -> Proof {
    let told = format!("beside processes /proc holds only `{}`", findings.proc_rest.join(" "));
    proof(findings.proc_rest == ["self", "thread-self"], told)
}

fn host_name(findings: &Findings) -> Proof {
    let told = format!("the host name inside is `{}`", findings.hostname);
    differs(findings, "uts").and(proof(findings.hostname == "sandbox", told))
}

fn network(findings: &Findings) -> Proof {
    let told = format!(
        "the interfaces inside are `{}`, a connection over loopback {}",
        findings.interfaces.join(" "),
        if findings.loopback_works { "works" } else { "fails" }
    );
    let holds = findings.interfaces == ["lo"] && findings.loopback_works;
    differs(findings, "net").and(proof(holds, told))
}

fn core(findings: &Findings) -> Proof {
    let words: Vec<_> = findings.core_limit.split_whitespace().collect();
    let told = format!("/proc/self/limits says `{}`", words.join(" "));
    proof(words.get(4..6) == Some(&["0", "0"]), told)
}

fn capabilities(findings: &Findings) -> Proof {
    let sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];
    let empty = |name: &&str| status(findings, name) == "0000000000000000";
    let full: Vec<_> = sets.into_iter().filter(|name| !empty(name)).collect();
    let told = match full.is_empty() {
        true => "all five sets are empty in /proc/self/status".to_owned(),
        false => format!("not empty: {}", full.join(" ")),
    };
    proof(full.is_empty(), told)
}

const FILTER_MODE: &str = "2";

fn filter(findings: &Findings) -> Proof {
    let mode = status(findings, "Seccomp");
    let (tried, wrong) = (findings.calls_tried, &findings.calls_wrong);
    let told = match wrong.is_empty() {
        true => format!("`Seccomp` is {mode} in /proc/self/status, {tried} of {tried} forbidden system calls refused"),
        false => format!("`Seccomp` is {mode} in /proc/self/status, not refused: {}", wrong.join(", ")),
    };
    proof(mode == FILTER_MODE && tried > 0 && wrong.is_empty(), told)
}

const ERRNO_ACCESS: i32 = 13;
/// The first ABI version with a rule about requests to devices.
const DEVICE_REQUESTS: u32 = 5;
/// The first ABI version that keeps signals and abstract sockets inside.
const SCOPES: u32 = 6;

/// What only landlock refuses is a request to a device, which older versions cannot; an instance of
/// theirs was started by a launcher whose rules the kernel took.
fn rules(findings: &Findings) -> Proof {
    let version = sys::landlock_version().map_err(|errno| format!("the kernel has no landlock: {errno}"))?;
    let limits = match version {
        ..DEVICE_REQUESTS => ": the kernel took the rules about files, it knows none about devices and signals",
        DEVICE_REQUESTS..SCOPES => ": a request to a device was refused; the kernel knows no rules about signals",
        _ => ": a request to a device was refused; signals and abstract sockets are scoped",
    };
    let refused = findings.device_request == ERRNO_ACCESS;
    proof(refused || version < DEVICE_REQUESTS, format!("ABI version {version}{limits}"))
}

/// The probe's own listing shows 0 to 3.
fn descriptors(findings: &Findings) -> Proof {
    let told = format!("the open descriptors are `{}`", findings.descriptors.join(" "));
    proof(findings.descriptors == ["0", "1", "2", "3"], told)
}

fn session(findings: &Findings) -> Proof {
    let told = format!("an instance was started; it leads session {}", findings.session);
    proof(findings.session == 1, told)
}
