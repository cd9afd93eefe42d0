//! The half with the server's rights.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;
use rustix::thread::{CapabilitySet, capabilities};

use super::order::{self, Errand};
use super::{Cell, identity, maps, sources, watch};
use crate::cgroup::oom_event;
use crate::error::Fault;
use crate::layer::Layer;
use crate::sys::{self, Birth};
use crate::wire::{Order, Report};

/// Does the whole errand. The exit code tells nothing; the server reads pipe and channel.
pub(super) fn run() -> ExitCode {
    let channel = sys::take(0);
    let Some(errand) = order::receive(&channel) else {
        return ExitCode::FAILURE;
    };
    match deliver(&channel, errand) {
        Ok(()) => ExitCode::SUCCESS,
        Err((report, fault)) => {
            send_report(&report, &Report::Failed(fault));
            ExitCode::FAILURE
        }
    }
}

/// On failure the report pipe comes back with the fault.
fn deliver(channel: &OwnedFd, errand: Errand) -> Result<(), (File, Fault)> {
    let Errand { order, stdout, stderr, control, report } = errand;
    let report = File::from(report);
    let cell = match prepare(&order) {
        Ok(parts) => parts,
        Err(fault) => return Err((report, fault)),
    };
    let prepared = Prepared { order, cell, stdout, stderr, control, report };
    bear(channel, prepared)
}

struct Prepared {
    order: Order,
    cell: Parts,
    stdout: OwnedFd,
    stderr: OwnedFd,
    control: OwnedFd,
    report: File,
}

/// What is opened before the birth.
struct Parts {
    null: OwnedFd,
    sources: Option<sources::Sources>,
    oom_event: Option<OwnedFd>,
    lifeline: (OwnedFd, OwnedFd),
}

fn prepare(order: &Order) -> Result<Parts, Fault> {
    order.plan.check().map_err(|error| Fault::new(Layer::Launcher, "accept the plan").because(error.to_string()))?;
    identity::prove_single_thread()?;
    identity::begin_session()?;
    if is_privileged() {
        identity::drop_groups(&order.lowered)?;
    }
    Ok(Parts {
        null: sources::open_null()?,
        // An unprivileged launcher cannot clone mounts here; its child can, in its own namespaces.
        sources: is_privileged().then(|| sources::open(&order.plan)).transpose()?,
        oom_event: oom_event(order.oom_event_of.as_deref())?,
        lifeline: pipe_with(PipeFlags::CLOEXEC)
            .map_err(|errno| Fault::new(Layer::Launcher, "make a pipe").errno(errno))?,
    })
}

fn bear(channel: &OwnedFd, prepared: Prepared) -> Result<(), (File, Fault)> {
    let Prepared { order, cell: parts, stdout, stderr, control, report } = prepared;
    let (lifeline, go) = parts.lifeline;
    match sys::clone_into_namespaces() {
        Err(errno) => Err((report, birth_fault(errno))),
        Ok(Birth::Child) => {
            drop(go);
            let cell = Cell::new(order, parts.sources, lifeline);
            cell.live(&parts.null, [stdout, stderr, control], report)
        }
        Ok(Birth::Parent { pid, pidfd }) => {
            // The report pipe must end when pid 1 executes, so our copy goes first of all.
            let raised = raise(channel, &order, pid, &pidfd, &go);
            if let Err(fault) = raised {
                watch::kill(&pidfd);
                return Err((report, fault));
            }
            drop((report, stdout, stderr, control, lifeline, parts.sources));
            watch::until_the_end(channel, pid, &pidfd, parts.oom_event.as_ref(), go);
            Ok(())
        }
    }
}

/// `clone3` makes all namespaces at once, so the errno alone must tell which was refused; EPERM
/// can only come from the user namespace, which grants the others.
pub(super) fn birth_fault(errno: Errno) -> Fault {
    let layer = match errno {
        Errno::AGAIN | Errno::NOMEM => Layer::PidNamespace,
        _ => Layer::UserNamespace,
    };
    Fault::new(layer, "make the namespaces").errno(errno)
}

/// Pid 1 waits meanwhile. Cgroups come first: nothing of it shall run outside of them.
fn raise(channel: &OwnedFd, order: &Order, pid: Pid, pidfd: &OwnedFd, go: &OwnedFd) -> Result<(), Fault> {
    enter_cgroups(order, pid)?;
    maps::write(order, pid)?;
    let lost = |errno| Fault::new(Layer::Launcher, "reach the server").errno(errno);
    order::announce(channel, pidfd).map_err(lost)?;
    rustix::io::write(go, &[1]).map_err(lost)?;
    Ok(())
}

fn enter_cgroups(order: &Order, pid: Pid) -> Result<(), Fault> {
    for entry in &order.cgroup_entries {
        let text = pid.as_raw_nonzero().to_string();
        let file = std::fs::OpenOptions::new().write(true).open(&entry.procs);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| Fault::new(entry.layer, "enter the cgroup").about(entry.procs.display()).io(&error))?;
    }
    Ok(())
}

/// Whether this process may open mounts and map foreign ids, whatever its uid is.
pub(super) fn is_privileged() -> bool {
    let needed = CapabilitySet::SYS_ADMIN | CapabilitySet::SETUID | CapabilitySet::SETGID;
    capabilities(None).is_ok_and(|sets| sets.effective.contains(needed))
}

/// One line. A server that is gone reads nothing, which is no concern of ours.
pub(super) fn send_report(mut pipe: &File, report: &Report) {
    if let Ok(mut line) = serde_json::to_vec(report) {
        line.push(b'\n');
        let _nobody_reads = pipe.write_all(&line);
    }
}
