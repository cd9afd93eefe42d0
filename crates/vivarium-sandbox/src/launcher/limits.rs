//! `setrlimit(2)`: what cgroups do not count.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::Fault;
use crate::layer::Layer;
use crate::plan::Limits;

/// Enough for a few keys in locked memory, too little to hurt.
const LOCKED_MEMORY_BYTES: u64 = 64 << 10;

pub(super) fn apply(limits: &Limits) -> Result<(), Fault> {
    let wanted = [
        (Resource::Core, Some(0)),
        (Resource::Nofile, Some(limits.open_files)),
        (Resource::Stack, Some(limits.stack_bytes)),
        (Resource::Fsize, limits.file_size_bytes),
        (Resource::Memlock, Some(LOCKED_MEMORY_BYTES)),
        (Resource::Msgqueue, Some(0)),
        (Resource::Rtprio, Some(0)),
        (Resource::Nice, Some(0)),
    ];
    for (resource, value) in wanted {
        lower(resource, value)?;
    }
    Ok(())
}

/// Never above what the server itself may have, because only the privileged could.
fn lower(resource: Resource, value: Option<u64>) -> Result<(), Fault> {
    let highest = getrlimit(resource).maximum;
    let value = match (value, highest) {
        (Some(value), Some(highest)) => Some(value.min(highest)),
        (value, highest) => value.or(highest),
    };
    let limit = Rlimit { current: value, maximum: value };
    setrlimit(resource, limit).map_err(|errno| {
        Fault::new(Layer::ResourceLimits, "set the resource limit").about(format!("{resource:?}")).errno(errno)
    })
}
