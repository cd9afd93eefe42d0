//! Pid 1 of an instance: makes the cell that the zygote's child will enter, hands out its namespaces, and then only
//! waits, so that the namespaces live and orphans are reaped. It has no rights, and nothing but a lifeline.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};

use super::super::inner::{self, Cell};
use super::super::{filter, identity, network, rules, tree, verify};
use super::message;
use super::walls::NAMESPACES;
use crate::error::Fault;
use crate::layer::Layer;
use crate::plan::Scratch;
use crate::sys;
use crate::wire::Report;

type Step = fn(&mut Cell) -> Result<(), Fault>;

/// As in `inner::BUILD`; but the tree is there already, and only what is writable is made anew.
const BUILD: &[Step] = &[
    |cell| identity::become_identity(cell.order.plan.identity),
    |_| identity::die_with_parent(),
    |_| inner::begin_session(),
    |_| inner::leave_cgroup_namespace(),
    |_| network::raise_loopback(),
    |_| tree::make_private(),
    tree::renew,
];

const LOCK: &[Step] = &[
    |_| inner::hide_from_tracers(),
    |_| identity::drop_capabilities(),
    |_| identity::forbid_new_privileges(),
    |_| identity::die_with_parent(),
];

/// Never returns to the keeper, whose copy this process is.
pub(super) fn live(cell: &mut Cell, scratch: Scratch, lifeline: &OwnedFd, report: OwnedFd) -> ! {
    cell.order.plan.scratch = scratch;
    if let Err(fault) = make(cell, lifeline, &report) {
        send(&report, &Report::Failed(fault), &[]);
        std::process::exit(1);
    }
    drop(report);
    // Readable means that the keeper is gone.
    let _any = poll(&mut [PollFd::new(lifeline, PollFlags::IN)], None);
    std::process::exit(0)
}

fn make(cell: &mut Cell, lifeline: &OwnedFd, report: &OwnedFd) -> Result<(), Fault> {
    identity::die_with_parent()?;
    sys::close_all_but(lifeline, report)
        .map_err(|errno| Fault::new(Layer::Descriptors, "close the keeper's descriptors").errno(errno))?;
    sys::let_children_vanish();
    inner::wait_for_go(lifeline)?;
    BUILD.iter().try_for_each(|step| step(cell))?;
    let ruleset = tree::rules(cell)?;
    let namespaces = open_namespaces()?;
    LOCK.iter().try_for_each(|step| step(cell))?;
    rules::enforce(ruleset.as_ref())?;
    verify::first(cell)?;
    let verified = Report::Verified { missing: std::mem::take(&mut cell.missing) };
    let filter = cell.order.zygote.as_ref().and_then(|zygote| zygote.init_filter.as_ref());
    filter::install(filter)?;
    verify::filtered(filter.is_some())?;
    let handed: Vec<_> = namespaces.iter().chain(&ruleset).map(AsFd::as_fd).collect();
    send(report, &verified, &handed);
    Ok(())
}

fn open_namespaces() -> Result<Vec<OwnedFd>, Fault> {
    let open = |(name, _): (&str, libc::c_int)| {
        let path = PathBuf::from("/proc/self/ns").join(name);
        rustix::fs::open(&path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| Fault::new(Layer::Launcher, "open the namespace").about(name).errno(errno))
    };
    NAMESPACES.into_iter().map(open).collect()
}

/// A keeper that is gone hears nothing.
fn send(report: &OwnedFd, what: &Report, descriptors: &[std::os::fd::BorrowedFd<'_>]) {
    if let Ok(text) = serde_json::to_vec(what) {
        let _nobody_hears = message::send(report, &text, descriptors);
    }
}
