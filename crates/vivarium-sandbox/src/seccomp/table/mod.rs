//! The list of system calls. One file for each theme; each entry has its reason.

mod events;
mod files;
mod identity;
mod join;
#[cfg(target_arch = "x86_64")]
mod legacy;
mod memory;
mod processes;
mod program;
mod refused;
mod signals;
mod sockets;
mod system;
mod threads;
mod time;
mod wait;

use super::condition::When;
use super::theme::Theme;

/// An allowed system call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    number: libc::c_long,
    pub(super) when: When,
    /// Why a program needs it, and where there is danger, why it does not hurt.
    #[cfg_attr(not(test), allow(dead_code, reason = "for readers and tests"))]
    pub(super) reason: &'static str,
}

impl Call {
    pub(super) fn number(&self) -> u32 {
        number(self.number)
    }
}

/// A system call that exists and is not for instances.
#[derive(Clone, Copy, Debug)]
struct Refused {
    number: libc::c_long,
    #[cfg_attr(not(test), allow(dead_code, reason = "for readers and tests"))]
    reason: &'static str,
}

fn number(number: libc::c_long) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

const fn call(number: libc::c_long, reason: &'static str) -> Call {
    Call { number, when: When::Always, reason }
}

const fn asked(number: libc::c_long, when: When, reason: &'static str) -> Call {
    Call { number, when, reason }
}

const fn refuse(number: libc::c_long, reason: &'static str) -> Refused {
    Refused { number, reason }
}

/// Every entry for instances. A call may stand in two themes with different conditions.
pub(super) fn allowed() -> impl Iterator<Item = (Theme, Call)> {
    let themed = Theme::ALL.into_iter().flat_map(|theme| calls(theme).iter().map(move |call| (theme, *call)));
    themed.chain(old().iter().copied())
}

/// What zygotes have in addition. To everybody else most of it is unknown.
pub(super) fn of_zygotes() -> impl Iterator<Item = (Theme, Call)> {
    calls(Theme::Join).iter().map(|call| (Theme::Join, *call))
}

/// All that the first processes of forked instances have.
pub(super) fn of_inits() -> impl Iterator<Item = (Theme, Call)> {
    calls(Theme::Wait).iter().map(|call| (Theme::Wait, *call))
}

fn calls(theme: Theme) -> &'static [Call] {
    match theme {
        Theme::Program => program::CALLS,
        Theme::Files => files::CALLS,
        Theme::Memory => memory::CALLS,
        Theme::Processes => processes::CALLS,
        Theme::Threads => threads::CALLS,
        Theme::Time => time::CALLS,
        Theme::Signals => signals::CALLS,
        Theme::Sockets => sockets::CALLS,
        Theme::Events => events::CALLS,
        Theme::Identity => identity::CALLS,
        Theme::System => system::CALLS,
        Theme::Join => join::CALLS,
        Theme::Wait => wait::CALLS,
    }
}

#[cfg(target_arch = "x86_64")]
fn old() -> &'static [(Theme, Call)] {
    legacy::CALLS
}

#[cfg(not(target_arch = "x86_64"))]
fn old() -> &'static [(Theme, Call)] {
    &[]
}

/// The numbers that answer EPERM although this kernel may have them.
pub(super) fn refused() -> impl Iterator<Item = u32> {
    every_refused().map(|refused| number(refused.number))
}

fn every_refused() -> impl Iterator<Item = Refused> {
    #[cfg(target_arch = "x86_64")]
    let old = legacy::REFUSED;
    #[cfg(not(target_arch = "x86_64"))]
    let old: &[Refused] = &[];
    refused::CALLS.iter().chain(old).copied()
}

#[cfg(test)]
#[path = "../table_tests.rs"]
mod tests;
