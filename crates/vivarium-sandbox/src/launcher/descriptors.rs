//! The only things that an instance inherits.

use std::os::fd::OwnedFd;

use crate::error::Fault;
use crate::layer::Layer;
use crate::sys;

/// Puts null, stdout, stderr and control at 0 to 3; all else closes with `execve`. The four lie
/// above 3 already, because the launcher was born with 0, 1 and 2 open and received them later;
/// [`lift`] makes sure of it.
pub(super) fn arrange(null: &OwnedFd, handed: &[OwnedFd; 3]) -> Result<(), Fault> {
    let fault = |errno| Fault::new(Layer::Descriptors, "arrange the descriptors").errno(errno);
    let lift = |descriptor| lift(descriptor).map_err(fault);
    let [stdout, stderr, control] = handed;
    let lifted = [lift(null)?, lift(stdout)?, lift(stderr)?, lift(control)?];
    for (number, descriptor) in (0..).zip(&lifted) {
        sys::install(descriptor, number).map_err(fault)?;
    }
    sys::close_on_exec_from(4).map_err(fault)
}

fn lift(descriptor: &OwnedFd) -> rustix::io::Result<OwnedFd> {
    rustix::io::fcntl_dupfd_cloexec(descriptor, 16)
}
