//! The v2 files: `Documentation/admin-guide/cgroup-v2.rst`.

use std::io;
use std::path::Path;

use super::files;
use super::layout::Controller;
use crate::plan::{Limits, USUAL_CPU_WEIGHT};

const CPU_PERIOD_MICROS: u64 = 100_000;

pub(super) fn limit(directory: &Path, controller: Controller, limits: &Limits) -> io::Result<()> {
    match controller {
        Controller::Memory => limit_memory(directory, limits.memory_bytes),
        Controller::Cpu => limit_cpu(directory, limits),
        Controller::Pids => files::write(directory, "pids.max", limits.processes),
    }
}

/// `memory.oom.group` kills all or nobody: half an instance is of no use. The swap file is missing
/// on kernels without swap, where there is nothing to limit.
fn limit_memory(directory: &Path, bytes: u64) -> io::Result<()> {
    files::write(directory, "memory.max", bytes)?;
    files::write(directory, "memory.oom.group", 1)?;
    match files::write(directory, "memory.swap.max", 0) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn limit_cpu(directory: &Path, limits: &Limits) -> io::Result<()> {
    let quota = u64::from(limits.cpu_millicores) * CPU_PERIOD_MICROS / 1000;
    if limits.cpu_weight != USUAL_CPU_WEIGHT {
        weigh(directory, limits.cpu_weight)?;
    }
    files::write(directory, "cpu.max", format!("{quota} {CPU_PERIOD_MICROS}"))
}

pub(super) fn weigh(directory: &Path, weight: u32) -> io::Result<()> {
    files::write(directory, "cpu.weight", weight)
}

/// Enables controllers for the children of a cgroup.
pub(super) fn enable(directory: &Path, controllers: &[Controller]) -> io::Result<()> {
    let names: Vec<_> = controllers.iter().map(|controller| format!("+{}", controller.name())).collect();
    files::write(directory, "cgroup.subtree_control", names.join(" "))
}

pub(super) fn oom_kills(directory: &Path) -> Option<u64> {
    files::keyed(directory, "memory.events", "oom_kill")
}

pub(super) fn peak_memory(directory: &Path) -> Option<u64> {
    files::number(directory, "memory.peak")
}

pub(super) fn cpu_micros(directory: &Path) -> Option<u64> {
    files::keyed(directory, "cpu.stat", "usage_usec")
}
