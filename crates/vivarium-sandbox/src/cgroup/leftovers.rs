//! Finds and removes what a killed server left, by the name that only its data directory uses.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::files;
use super::layout::Layout;
use crate::error::Fault;
use crate::layer::Layer;

/// What was found and removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Processes that were still alive.
    pub processes: u32,
    /// Cgroups of single instances, counted in each hierarchy.
    pub cgroups: u32,
}

/// The tree above the server is shallow; what lies deeper is not ours.
const SEARCH_DEPTH: usize = 8;
/// A killed process leaves its cgroup within milliseconds unless the kernel holds it.
const PATIENCE: Duration = Duration::from_secs(5);
const KILL_ROUNDS: u32 = 64;

/// The next server may sit in another cgroup than the killed one did (a new session, a new unit),
/// so each hierarchy is searched from its mount point.
pub(crate) fn remove_leftovers(layout: &Layout, name: &str) -> Result<Leftovers, Fault> {
    let mut leftovers = Leftovers::default();
    for hierarchy in &layout.hierarchies {
        for parent in find(&hierarchy.mount, name, SEARCH_DEPTH) {
            for instance in children(&parent) {
                leftovers.processes += kill_all(&instance);
                remove_patiently(&instance, hierarchy.layer())?;
                leftovers.cgroups += 1;
            }
        }
    }
    Ok(leftovers)
}

fn find(directory: &Path, name: &str, depth: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for child in children(directory) {
        if child.file_name().is_some_and(|last| last == name) {
            found.push(child);
        } else if depth > 0 {
            found.extend(find(&child, name, depth - 1));
        }
    }
    found
}

fn children(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

/// Kills everyone in one cgroup and tells how many there were. v2 does it at once and cannot be
/// outrun; v1 needs rounds, which end because the process limit holds and pid 1 is among them.
pub(super) fn kill_all(directory: &Path) -> u32 {
    let first = members(directory);
    if first.is_empty() || files::write(directory, "cgroup.kill", 1).is_ok() {
        return count(&first);
    }
    for _ in 0..KILL_ROUNDS {
        if !kill_round(directory) {
            break;
        }
    }
    count(&first)
}

/// Whether anybody was there. A number may have been reused between reading it and opening the
/// pidfd, so only those are killed that are still members once the pidfd holds them.
fn kill_round(directory: &Path) -> bool {
    let opened: Vec<_> = members(directory)
        .into_iter()
        .filter_map(|pid| Some((pid, pidfd_open(pid, PidfdFlags::empty()).ok()?)))
        .collect();
    let still = members(directory);
    for (_, pidfd) in opened.iter().filter(|(pid, _)| still.contains(pid)) {
        let _gone_already = pidfd_send_signal(pidfd, Signal::KILL);
    }
    !still.is_empty()
}

fn count(pids: &[Pid]) -> u32 {
    u32::try_from(pids.len()).unwrap_or(u32::MAX)
}

fn members(directory: &Path) -> Vec<Pid> {
    let text = files::read(directory, "cgroup.procs").unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).filter_map(Pid::from_raw).collect()
}

fn remove_patiently(directory: &Path, layer: Layer) -> Result<(), Fault> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match std::fs::remove_dir(directory) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if Instant::now() > deadline => {
                let fault = Fault::new(layer, "remove the leftover cgroup");
                return Err(fault.about(directory.display()).io(&error));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}
