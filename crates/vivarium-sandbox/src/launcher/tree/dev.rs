//! A minimal `/dev`: no terminal, no disk, nothing that the host would feel.

use std::os::fd::OwnedFd;
use std::path::Path;

use super::scratch::Scratch;
use super::{Tree, attach_at, place, symlink};
use crate::error::Fault;
use crate::launcher::rules::Right;
use crate::launcher::sources::DEVICES;

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
    scratch.show(tree, Path::new("/dev/shm"), 0o1777, false)
}
