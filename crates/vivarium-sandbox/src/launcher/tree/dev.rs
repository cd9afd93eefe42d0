//! A minimal `/dev`: no terminal, no disk, nothing that the host would feel.

use std::os::fd::OwnedFd;
use std::path::Path;

use super::scratch::Scratch;
use super::{Tree, attach_at, place, symlink};
use crate::error::Fault;
use crate::launcher::rules::Right;
use crate::launcher::sources::DEVICES;

/// Where POSIX shared memory lies, `shm_overview(7)`.
pub(super) const SHARED_MEMORY: &str = "/dev/shm";

const LINKS: [(&str, &str); 4] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
];

pub(super) fn make(tree: &Tree, devices: &[OwnedFd], scratch: &Scratch) -> Result<(), Fault> {
    for (name, device) in DEVICES.iter().zip(devices) {
        let target = Path::new("/dev").join(name);
        attach_at(device, &place::empty_file(tree, &target)?, &target)?;
        tree.allow(device, Right::Device)?;
    }
    for (target, points_to) in LINKS {
        symlink(tree, Path::new(target), Path::new(points_to))?;
    }
    show_memory(tree, scratch)
}

/// The devices are there already.
pub(super) fn renew(tree: &Tree, scratch: &Scratch) -> Result<(), Fault> {
    for name in DEVICES {
        tree.allow(place::there(tree, &Path::new("/dev").join(name))?, Right::Device)?;
    }
    show_memory(tree, scratch)
}

fn show_memory(tree: &Tree, scratch: &Scratch) -> Result<(), Fault> {
    scratch.show(tree, Path::new(SHARED_MEMORY), false)
}
