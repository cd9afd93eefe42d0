//! The v1 files: `Documentation/admin-guide/cgroup-v1`.

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

/// The sum limit must never be below the memory limit, hence the order. Without swap accounting its
/// file is missing; then nothing is swapped at all.
fn limit_memory(directory: &Path, bytes: u64) -> io::Result<()> {
    files::write(directory, "memory.limit_in_bytes", bytes)?;
    match files::write(directory, "memory.memsw.limit_in_bytes", bytes) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => files::write(directory, "memory.swappiness", 0),
        done => done,
    }
}

fn limit_cpu(directory: &Path, limits: &Limits) -> io::Result<()> {
    let quota = u64::from(limits.cpu_millicores) * CPU_PERIOD_MICROS / 1000;
    if limits.cpu_weight != USUAL_CPU_WEIGHT {
        weigh(directory, limits.cpu_weight)?;
    }
    files::write(directory, "cpu.cfs_period_us", CPU_PERIOD_MICROS)?;
    files::write(directory, "cpu.cfs_quota_us", quota)
}

/// The usual share is 1024 here.
pub(super) fn weigh(directory: &Path, weight: u32) -> io::Result<()> {
    files::write(directory, "cpu.shares", u64::from(weight) * 1024 / u64::from(USUAL_CPU_WEIGHT))
}

pub(super) fn oom_kills(directory: &Path) -> Option<u64> {
    files::keyed(directory, "memory.oom_control", "oom_kill")
}

pub(super) fn peak_memory(directory: &Path) -> Option<u64> {
    files::number(directory, "memory.max_usage_in_bytes")
}

pub(super) fn cpu_micros(directory: &Path) -> Option<u64> {
    files::number(directory, "cpuacct.usage").map(|nanos| nanos / 1000)
}
