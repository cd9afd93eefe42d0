//! The half that becomes the instance: pid 1 of the new namespaces, until `execve`.

use std::convert::Infallible;
use std::ffi::CString;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, chdir, set_dumpable_behavior, setsid, umask};

use super::outer::send_report;
use super::sources::{self, Sources};
use super::tree::{self, Tree};
use super::{descriptors, filter, identity, keeper, limits, network, rules, verify};
use crate::error::Fault;
use crate::layer::Layer;
use crate::seccomp::Program;
use crate::sys;
use crate::wire::{Order, Report};

/// The state that the steps share.
pub(crate) struct Cell {
    pub(super) order: Order,
    /// Opened by a privileged launcher, else by the step `open_sources`.
    pub(super) sources: Option<Sources>,
    /// Its other end is the launcher's alone.
    lifeline: OwnedFd,
    pub(super) tree: Option<Tree>,
    /// Lowered layers that turned out to be absent.
    pub(super) missing: Vec<Layer>,
}

type Step = fn(&mut Cell) -> Result<(), Fault>;

/// The order is the design. What each step needs is still there when its turn comes, and what it
/// takes away nobody after it needs.
const BUILD: &[Step] = &[
    // First of all be mortal; the launcher says go when cgroups and id maps are in place.
    |_| identity::die_with_parent(),
    Cell::wait_for_go,
    // Only one id is mapped, so all that is made from here on must belong to it.
    |cell| identity::become_identity(cell.order.plan.identity),
    |_| hide_from_tracers(),
    |_| identity::die_with_parent(),
    |_| begin_session(),
    |_| leave_cgroup_namespace(),
    Cell::set_hostname,
    |_| network::raise_loopback(),
    // The tree. The host's is still there, to open sources and to allow a new /proc.
    |_| tree::make_private(),
    Cell::open_sources,
    tree::build,
    tree::pivot,
    Cell::enter_working_directory,
];

/// Nothing is made after this.
const LOCK: &[Step] = &[
    |cell| limits::apply(&cell.order.plan.limits),
    |_| identity::drop_capabilities(),
    |_| identity::forbid_new_privileges(),
    |_| identity::die_with_parent(),
];

impl Cell {
    pub(super) fn new(order: Order, sources: Option<Sources>, lifeline: OwnedFd) -> Self {
        Self { order, sources, lifeline, tree: None, missing: Vec::new() }
    }

    /// Becomes the plan's command, or leaves with a fault told.
    pub(super) fn live(mut self, null: &OwnedFd, handed: [OwnedFd; 3], report: File) -> ! {
        let Err((report, fault)) = self.try_live(null, handed, report);
        send_report(&report, &Report::Failed(fault));
        // Not `return`: the launcher's own end of `main` is not for its child.
        std::process::exit(1)
    }

    fn try_live(&mut self, null: &OwnedFd, handed: [OwnedFd; 3], report: File) -> Result<Infallible, (File, Fault)> {
        if let Err(fault) = self.take(BUILD) {
            return Err((report, fault));
        }
        match self.order.zygote.clone() {
            Some(zygote) => keeper::keep(self, &zygote, null, handed, report),
            None => self.run_command(null, &handed, &report).map_err(|fault| (report, fault)),
        }
    }

    fn take(&mut self, steps: &[Step]) -> Result<(), Fault> {
        steps.iter().try_for_each(|step| step(self))
    }

    /// Pid 1 becomes the plan's command.
    fn run_command(&mut self, null: &OwnedFd, handed: &[OwnedFd; 3], report: &File) -> Result<Infallible, Fault> {
        self.take(LOCK)?;
        rules::enforce(tree::rules(self)?.as_ref())?;
        let program = self.program()?;
        descriptors::arrange(null, handed)?;
        self.check_lifeline()?;
        verify::all(self)?;
        let filter = self.order.filter.take();
        self.execute(&program, filter.as_ref(), report)
    }

    /// A child of the keeper becomes the plan's command. It runs no script, so the rules for files are not enforced:
    /// what it forks would be bound by them too, and could not write to its own space.
    pub(super) fn run_zygote(
        &mut self,
        filter: Option<&Program>,
        null: &OwnedFd,
        handed: &[OwnedFd; 3],
        report: &File,
    ) -> Result<Infallible, Fault> {
        self.take(LOCK)?;
        let command = self.program()?;
        descriptors::arrange(null, handed)?;
        verify::drop(self)?;
        self.execute(&command, filter, report)
    }

    fn execute(&mut self, command: &Command, filter: Option<&Program>, report: &File) -> Result<Infallible, Fault> {
        sys::restore_default_signals();
        umask(Mode::WGRP | Mode::WOTH);
        // The last of all: what was proven before needs calls that are refused from here on.
        filter::install(filter)?;
        verify::filtered(filter.is_some())?;
        let missing = std::mem::take(&mut self.missing);
        send_report(report, &Report::Verified { missing });
        let errno = sys::execute(&command.path, &command.arguments, &command.environment);
        Err(Fault::new(Layer::MountNamespace, "execute the command")
            .about(self.order.plan.command.display())
            .errno(errno))
    }

    /// The launcher that dies before it says go has made no instance.
    fn wait_for_go(&mut self) -> Result<(), Fault> {
        wait_for_go(&self.lifeline)
    }

    /// Closes the race of `PR_SET_PDEATHSIG`: the launcher may have died before it was set.
    fn check_lifeline(&self) -> Result<(), Fault> {
        let mut watched = [PollFd::new(&self.lifeline, PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        match poll(&mut watched, Some(&now)) {
            Ok(0) => Ok(()),
            _ => Err(launcher_died()),
        }
    }

    fn set_hostname(&mut self) -> Result<(), Fault> {
        let name = self.order.plan.hostname.as_bytes();
        rustix::system::sethostname(name)
            .and_then(|()| rustix::system::setdomainname(b"(none)"))
            .map_err(|errno| Fault::new(Layer::UtsNamespace, "set the host name").errno(errno))
    }

    fn open_sources(&mut self) -> Result<(), Fault> {
        if self.sources.is_none() {
            self.sources = Some(sources::open(&self.order.plan)?);
        }
        Ok(())
    }

    fn enter_working_directory(&mut self) -> Result<(), Fault> {
        let directory = &self.order.plan.working_directory;
        chdir(directory).map_err(|errno| {
            Fault::new(Layer::MountNamespace, "enter the working directory").about(directory.display()).errno(errno)
        })
    }

    fn program(&self) -> Result<Command, Fault> {
        let plan = &self.order.plan;
        let path = text(path_text(&plan.command))?;
        let rest = plan.args.iter().map(|argument| text(argument));
        let arguments = std::iter::once(Ok(path.clone())).chain(rest).collect::<Result<_, _>>()?;
        let environment =
            plan.environment.iter().map(|(name, value)| text(&format!("{name}={value}"))).collect::<Result<_, _>>()?;
        Ok(Command { path, arguments, environment })
    }
}

/// The plan's command in the form of `execve`.
struct Command {
    path: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

/// `Plan::check` has refused paths that are no text.
fn path_text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

fn text(value: &str) -> Result<CString, Fault> {
    CString::new(value).map_err(|error| Fault::new(Layer::Launcher, "pass a text").because(error.to_string()))
}

/// One byte, when cgroups and id maps are in place.
pub(super) fn wait_for_go(lifeline: &OwnedFd) -> Result<(), Fault> {
    let mut byte = [0];
    match rustix::io::read(lifeline, &mut byte) {
        Ok(1) => Ok(()),
        _ => Err(launcher_died()),
    }
}

fn launcher_died() -> Fault {
    Fault::new(Layer::Launcher, "go on").because("the launcher died")
}

/// `PR_SET_DUMPABLE`: no process of the same id may look in before `execve` sets it back.
pub(super) fn hide_from_tracers() -> Result<(), Fault> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|errno| Fault::new(Layer::Launcher, "hide from tracers").errno(errno))
}

pub(super) fn begin_session() -> Result<(), Fault> {
    setsid().map(drop).map_err(|errno| Fault::new(Layer::PidNamespace, "begin a new session").errno(errno))
}

/// Only now, in its cgroups: they become the roots of what it sees.
pub(super) fn leave_cgroup_namespace() -> Result<(), Fault> {
    sys::unshare_cgroup_namespace()
        .map_err(|errno| Fault::new(Layer::CgroupNamespace, "make the cgroup namespace").errno(errno))
}
