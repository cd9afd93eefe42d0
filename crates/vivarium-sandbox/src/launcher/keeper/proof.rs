//! Proves from outside that what a zygote forked is locked in, before it gets a script. The kernel is asked, not the
//! process.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, fstat, openat, readlinkat};
use rustix::process::Pid;

use super::walls::NAMESPACES;
use crate::error::Fault;
use crate::layer::Layer;

/// What it must be.
pub(super) struct Expected {
    /// In the numbers of the keeper.
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// The numbers of the cell's namespaces, in the order of [`NAMESPACES`].
    pub(super) namespaces: Vec<u64>,
    pub(super) filtered: bool,
}

/// The numbers of namespaces, `namespaces(7)`.
pub(super) fn numbers(namespaces: &[OwnedFd]) -> Result<Vec<u64>, Fault> {
    namespaces.iter().map(|namespace| fstat(namespace).map(|status| status.st_ino).map_err(unreadable)).collect()
}

/// Lines of `/proc/PID/status`, proc(5), that say what a process may do.
const CAPABILITY_SETS: [&str; 5] = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];
/// The zygote's filter and the instance's.
const LEAST_FILTERS: u32 = 2;

pub(super) fn prove(proc: &OwnedFd, script: Pid, expected: &Expected) -> Result<(), Fault> {
    let status = read_status(proc, script)?;
    let field = |name: &str| find(&status, name).unwrap_or_default();
    let four = |id: u32| format!("{id}\t{id}\t{id}\t{id}");
    holds(field("Uid") == four(expected.uid), Layer::OwnUid, "the user of the cell")?;
    holds(field("Gid") == four(expected.gid), Layer::OwnUid, "the group of the cell")?;
    for set in CAPABILITY_SETS {
        let empty = !field(set).is_empty() && field(set).bytes().all(|digit| digit == b'0');
        holds(empty, Layer::Capabilities, "no capability")?;
    }
    holds(field("NoNewPrivs") == "1", Layer::NoNewPrivileges, "no new privileges")?;
    if expected.filtered {
        let count: u32 = field("Seccomp_filters").parse().unwrap_or(LEAST_FILTERS);
        holds(field("Seccomp") == "2" && count >= LEAST_FILTERS, Layer::Seccomp, "system calls are filtered")?;
    }
    let own = NAMESPACES.into_iter().map(|(name, _)| namespace(proc, script, name)).collect::<Result<Vec<_>, _>>()?;
    holds(own == expected.namespaces, Layer::UserNamespace, "to be in the namespaces of its cell")?;
    only_the_planned_descriptors(proc, script)
}

fn holds(proven: bool, layer: Layer, what: &str) -> Result<(), Fault> {
    if proven { Ok(()) } else { Err(Fault::new(layer, "prove").about(what)) }
}

fn unreadable(errno: rustix::io::Errno) -> Fault {
    Fault::new(Layer::Launcher, "look at the instance").errno(errno)
}

fn read_status(proc: &OwnedFd, pid: Pid) -> Result<String, Fault> {
    let path = format!("{}/status", pid.as_raw_nonzero());
    let file = openat(proc, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(unreadable)?;
    let mut text = String::new();
    File::from(file)
        .read_to_string(&mut text)
        .map_err(|error| Fault::new(Layer::Launcher, "look at the instance").io(&error))?;
    Ok(text)
}

fn find<'status>(status: &'status str, name: &str) -> Option<&'status str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// Links such as `user:[4026531837]`.
fn namespace(proc: &OwnedFd, pid: Pid, name: &str) -> Result<u64, Fault> {
    let path = format!("{}/ns/{name}", pid.as_raw_nonzero());
    let link = readlinkat(proc, path, Vec::new()).map_err(unreadable)?;
    let number = link.to_str().ok().and_then(|text| text.strip_prefix(name)?.strip_prefix(":[")?.strip_suffix(']'));
    let strange = || Fault::new(Layer::Launcher, "look at the instance").because("a namespace without a number");
    number.and_then(|number| number.parse().ok()).ok_or_else(strange)
}

fn only_the_planned_descriptors(proc: &OwnedFd, pid: Pid) -> Result<(), Fault> {
    let path = format!("{}/fd", pid.as_raw_nonzero());
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = openat(proc, path, how, Mode::empty()).map_err(unreadable)?;
    let entries = rustix::fs::Dir::new(directory).map_err(unreadable)?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(unreadable)?.file_name().to_bytes().to_vec();
        if !name.starts_with(b".") {
            names.push(name);
        }
    }
    names.sort();
    holds(names == [b"0", b"1", b"2", b"3"], Layer::Descriptors, "exactly the descriptors 0, 1, 2 and 3")
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn a_name_that_is_the_start_of_another_is_not_mistaken_for_it() {
        let status = "Seccomp_filters:\t2\nSeccomp:\t0\nUid:\t1\t1\t1\t1\n";
        assert_eq!(find(status, "Seccomp"), Some("0"));
        assert_eq!(find(status, "Uid"), Some("1\t1\t1\t1"));
        assert_eq!(find(status, "Gid"), None);
    }
}
