//! `landlock(7)`: says once more what the mounts say, to another part of the kernel. It also holds
//! for files that are reached around the tree, and keeps signals and abstract sockets inside.
//!
//! TCP is not ruled here: the rules know ports only, no addresses, and in a network namespace with
//! nothing but a loopback of its own there is nobody but the instance itself to speak with. A
//! script may well start a server for itself.

use std::os::fd::{AsFd, OwnedFd};

use landlock::{
    ABI, Access, AccessFs, BitFlags, PathBeneath, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr,
    RulesetError, Scope, make_bitflags,
};

use crate::error::Fault;
use crate::layer::Layer;
use crate::sys;

/// The newest that this list was written for. Older kernels enforce what they know of it.
const NEWEST: ABI = ABI::V9;

/// What may be done with a mount, and all below it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Right {
    /// List directories: the skeleton.
    List,
    /// Read files and list directories.
    Read,
    /// Beside that, execute programs.
    Execute,
    /// Devices: read and write; no requests beyond the few that every file has.
    Device,
    /// Everything but devices, executing programs only if said.
    Change { execute: bool },
}

impl Right {
    fn access(self) -> BitFlags<AccessFs> {
        let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
        let execute = |wanted: bool| if wanted { AccessFs::Execute.into() } else { BitFlags::EMPTY };
        let kinds = make_bitflags!(AccessFs::{MakeChar | MakeBlock | IoctlDev});
        match self {
            Self::List => AccessFs::ReadDir.into(),
            Self::Read => read,
            Self::Execute => read | AccessFs::Execute,
            Self::Device => make_bitflags!(AccessFs::{ReadFile | WriteFile | Truncate}),
            Self::Change { execute: wanted } => read | execute(wanted) | (AccessFs::from_write(NEWEST) & !kinds),
        }
    }
}

/// The rules while the tree is built. Empty where the server said that there is no landlock.
#[derive(Default)]
pub(super) struct Rules(Option<RulesetCreated>);

impl Rules {
    pub(super) fn begin(wanted: bool) -> Result<Self, Fault> {
        let made = wanted.then(|| {
            Ruleset::default().handle_access(AccessFs::from_all(NEWEST))?.scope(Scope::from_all(NEWEST))?.create()
        });
        Ok(Self(made.transpose().map_err(fault("make landlock rules"))?))
    }

    /// `place` is a directory or a file; rights that only directories can have are left out for
    /// files.
    pub(super) fn allow(&mut self, place: impl AsFd, right: Right) -> Result<(), Fault> {
        let Some(ruleset) = &mut self.0 else {
            return Ok(());
        };
        let rule = PathBeneath::new(place, right.access());
        ruleset.add_rule(rule).map(drop).map_err(fault("add a landlock rule"))
    }

    /// The finished rules, for [`enforce`]; `None` where there is no landlock.
    pub(super) fn finish(self) -> Result<Option<OwnedFd>, Fault> {
        let Some(ruleset) = self.0 else {
            return Ok(None);
        };
        let not_made = || Fault::new(Layer::Landlock, "make landlock rules").because("the kernel has none");
        Option::from(ruleset).ok_or_else(not_made).map(Some)
    }
}

/// For the calling thread and all that it becomes, for ever.
pub(super) fn enforce(ruleset: Option<&OwnedFd>) -> Result<(), Fault> {
    let Some(ruleset) = ruleset else {
        return Ok(());
    };
    sys::enforce_ruleset(ruleset)
        .map_err(|errno| Fault::new(Layer::Landlock, "enforce the landlock rules").errno(errno))
}

fn fault(step: &'static str) -> impl Fn(RulesetError) -> Fault {
    move |error| Fault::new(Layer::Landlock, step).because(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Right; 6] = [
        Right::List,
        Right::Read,
        Right::Execute,
        Right::Device,
        Right::Change { execute: false },
        Right::Change { execute: true },
    ];

    #[test]
    fn nobody_makes_devices_or_sends_them_requests() {
        let never = make_bitflags!(AccessFs::{MakeChar | MakeBlock | IoctlDev});
        assert!(ALL.iter().all(|right| !right.access().intersects(never)));
    }

    #[test]
    fn only_scratch_space_is_changed() {
        let change = AccessFs::from_write(NEWEST) & !make_bitflags!(AccessFs::{WriteFile | Truncate});
        let changing: Vec<_> = ALL.iter().filter(|right| right.access().intersects(change)).collect();
        assert!(matches!(changing[..], [Right::Change { .. }, Right::Change { .. }]), "{changing:?}");
    }

    #[test]
    fn only_what_is_said_is_executed() {
        let executing: Vec<_> = ALL.iter().filter(|right| right.access().contains(AccessFs::Execute)).collect();
        assert!(matches!(executing[..], [Right::Execute, Right::Change { execute: true }]), "{executing:?}");
    }
}
