//! Pid 1 of a zygote's cell. It gives birth to the zygote, and on command prepares a cell for an instance, has the
//! zygote fork into it, proves what came of it, and watches it to its end.
//!
//! ```text
//! keeper ──> zygote ──> (a child that enters the cell, and leaves) ──> script, a child of the keeper from then on
//!        └─> init, pid 1 of the cell
//! ```
//!
//! The zygote is not trusted: it has imported the packages of a runtime. It has no capability, and what it may do
//! beyond an instance is to enter cells that were prepared for it. What it forks gets a script only when the keeper has
//! seen that it is locked in.

mod cell;
mod child;
mod message;
mod order;
mod proof;
mod walls;

use std::convert::Infallible;
use std::fs::File;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{DumpableBehavior, Pid, set_dumpable_behavior};

use super::inner::Cell;
use super::outer::{birth_fault, send_report};
use super::{identity, tree};
use crate::error::Fault;
use crate::layer::Layer;
use crate::sys::{self, Birth};
use crate::wire::{Report, ZygoteOrder};
use child::{Child, News};

/// All that a keeper has.
pub(super) struct Keeper<'cell> {
    cell: &'cell mut Cell,
    /// Orders of the server; `None` once it wants no more forks.
    orders: Option<OwnedFd>,
    /// `None` once it has ended, or was told to.
    zygote: Option<Zygote>,
    /// An instance of `/proc` to write id maps and to look at processes.
    proc: OwnedFd,
    children: Vec<Child>,
}

struct Zygote {
    channel: OwnedFd,
    pid: Pid,
    pidfd: OwnedFd,
}

/// What can happen.
#[derive(Clone, Copy)]
enum Source {
    Orders,
    /// Only to be woken: whoever has ended is reaped in any case.
    Zygote,
    /// By place in the list, and why.
    Child(usize, News),
}

/// Lives as long as the server wants forks, and then as long as there are children. On failure the report pipe comes
/// back.
pub(super) fn keep(
    cell: &mut Cell,
    order: &ZygoteOrder,
    null: &OwnedFd,
    handed: [OwnedFd; 3],
    report: File,
) -> Result<Infallible, (File, Fault)> {
    let begun = begin(cell, order, null, &handed, &report);
    let [_, _, orders] = handed;
    match begun {
        Err(fault) => Err((report, fault)),
        Ok((zygote, proc)) => {
            // The server waits for its end.
            drop(report);
            let mut keeper = Keeper { cell, orders: Some(orders), zygote: Some(zygote), proc, children: Vec::new() };
            while keeper.has_work() {
                keeper.step();
            }
            std::process::exit(0)
        }
    }
}

fn begin(
    cell: &mut Cell,
    order: &ZygoteOrder,
    null: &OwnedFd,
    handed: &[OwnedFd; 3],
    report: &File,
) -> Result<(Zygote, OwnedFd), Fault> {
    let proc = tree::private_proc()?;
    let kind = SocketType::SEQPACKET;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)
        .map_err(|errno| Fault::new(Layer::Launcher, "make a socket").errno(errno))?;
    skip_a_pid()?;
    let (pid, pidfd) = match sys::fork().map_err(birth_fault)? {
        Birth::Parent { pid, pidfd } => (pid, pidfd),
        Birth::Child => bear(cell, order, null, [&handed[0], &handed[1], &theirs], report),
    };
    // Not before: the zygote needs others to lock itself in.
    identity::keep_few_capabilities()?;
    identity::forbid_new_privileges()?;
    own_copies()?;
    // Inits make theirs; they must not own a descriptor that they have closed.
    cell.tree = None;
    let zygote = Zygote { channel: ours, pid, pidfd };
    let walls = walls::walls(&cell.order)?;
    message::send(&zygote.channel, walls.as_bytes(), &[])
        .map_err(|errno| Fault::new(Layer::Launcher, "tell the zygote its walls").errno(errno))?;
    Ok((zygote, proc))
}

/// Inits are copies of the keeper. It could not write the id maps of one that hides; each hides itself afterwards. The
/// zygote cannot look in meanwhile: its `/proc` is read-only, and its filter knows no other way.
fn own_copies() -> Result<(), Fault> {
    set_dumpable_behavior(DumpableBehavior::Dumpable)
        .map_err(|errno| Fault::new(Layer::Launcher, "own its copies").errno(errno))
}

/// The first process that is forked into a cell has the pid 2 there. Libraries that notice a fork by another pid than
/// before must see one, so the zygote gets another.
fn skip_a_pid() -> Result<(), Fault> {
    match sys::fork().map_err(birth_fault)? {
        Birth::Child => std::process::exit(0),
        Birth::Parent { pid, .. } => {
            sys::reap(pid).map(drop).map_err(|errno| Fault::new(Layer::Launcher, "wait for a child").errno(errno))
        }
    }
}

fn bear(cell: &mut Cell, order: &ZygoteOrder, null: &OwnedFd, handed: [&OwnedFd; 3], report: &File) -> ! {
    let copies = handed.map(OwnedFd::try_clone);
    let fault = match copies {
        [Ok(stdout), Ok(stderr), Ok(channel)] => {
            let Err(fault) = cell.run_zygote(order.filter.as_ref(), null, &[stdout, stderr, channel], report);
            fault
        }
        _ => Fault::new(Layer::Descriptors, "copy the descriptors of the zygote"),
    };
    send_report(report, &Report::Failed(fault));
    std::process::exit(1)
}

impl Keeper<'_> {
    fn has_work(&self) -> bool {
        self.orders.is_some() || !self.children.is_empty()
    }

    fn step(&mut self) {
        let ready = self.wait();
        self.reap();
        for source in ready {
            match source {
                Source::Orders => self.take_order(),
                Source::Zygote => {}
                Source::Child(at, news) => self.advance(at, news),
            }
        }
        self.children.retain(|child| !child.is_gone());
    }

    fn wait(&self) -> Vec<Source> {
        let mut watched = Vec::new();
        let mut sources = Vec::new();
        if let Some(orders) = &self.orders {
            watched.push(PollFd::new(orders, PollFlags::IN));
            sources.push(Source::Orders);
        }
        if let Some(zygote) = &self.zygote {
            watched.push(PollFd::new(&zygote.pidfd, PollFlags::IN));
            sources.push(Source::Zygote);
        }
        for (at, child) in self.children.iter().enumerate() {
            for (descriptor, news) in child.watched() {
                watched.push(PollFd::from_borrowed_fd(descriptor, PollFlags::IN));
                sources.push(Source::Child(at, news));
            }
        }
        let _interrupted = poll(&mut watched, None);
        let entries = watched.iter().zip(sources);
        entries.filter(|(entry, _)| !entry.revents().is_empty()).map(|(_, source)| source).collect()
    }

    /// Whoever has ended: the zygote, an init, a script, or a stranger that lost its parent.
    fn reap(&mut self) {
        while let Some((pid, death)) = sys::reap_any() {
            if self.zygote.as_ref().is_some_and(|zygote| zygote.pid == pid) {
                self.lose_zygote();
            }
            for child in &mut self.children {
                child.note_death(pid, &death);
            }
        }
    }

    /// The server learns it by the end of the orders; what was forked goes on.
    fn lose_zygote(&mut self) {
        self.zygote = None;
        self.orders = None;
        for child in &mut self.children {
            child.lose_zygote();
        }
    }

    fn take_order(&mut self) {
        let Some(orders) = &self.orders else { return };
        match order::receive(orders) {
            // The zygote leaves when its channel ends.
            None => {
                self.orders = None;
                self.zygote = None;
            }
            Some(errand) => self.children.extend(Child::begin(self.cell, &self.proc, errand)),
        }
    }

    fn advance(&mut self, at: usize, news: News) {
        let Keeper { cell, zygote, proc, children, .. } = self;
        if let Some(child) = children.get_mut(at) {
            child.advance(cell, proc, zygote.as_ref().map(|zygote| &zygote.channel), news);
        }
    }
}
