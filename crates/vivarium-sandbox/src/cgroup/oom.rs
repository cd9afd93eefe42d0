//! News of a v1 memory cgroup that ran out.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::event::{EventfdFlags, eventfd};

use crate::error::Fault;
use crate::layer::Layer;

/// Asks the kernel to tell when a v1 memory cgroup runs out: it would kill one process and leave
/// half an instance behind. `Documentation/admin-guide/cgroup-v1/memory.rst`, chapter 10.
pub(crate) fn oom_event(memory: Option<&Path>) -> Result<Option<OwnedFd>, Fault> {
    memory
        .map(register)
        .transpose()
        .map_err(|error| Fault::new(Layer::CgroupMemory, "watch for out of memory").io(&error))
}

fn register(memory: &Path) -> std::io::Result<OwnedFd> {
    let event = eventfd(0, EventfdFlags::CLOEXEC)?;
    let control = File::open(memory.join("memory.oom_control"))?;
    let request = format!("{} {}", event.as_raw_fd(), control.as_raw_fd());
    OpenOptions::new().write(true).open(memory.join("cgroup.event_control"))?.write_all(request.as_bytes())?;
    Ok(event)
}
