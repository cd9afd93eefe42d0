//! Packages that are published as source only: their source distributions are fetched as mere data and built in the
//! sandbox. Outside of it none of their code runs, and what comes out is checked before it is kept.

mod cell;
mod index;
mod kept;
mod maker;
mod names;
mod placeholder;
mod resolve;
mod system;
mod unmet;
mod wheel;

use std::io;
use std::path::PathBuf;

use vivarium_sandbox::Sandbox;

use crate::installer::Origins;
use crate::settings::SourceLimits;
use kept::Kept;
pub(crate) use maker::Sources;

/// What all builds from source on this node have in common.
pub(crate) struct SourceBuilds {
    sandbox: Sandbox,
    kept: Kept,
    limits: SourceLimits,
    /// Covers what builds shall not see of an interpreter.
    empty: PathBuf,
}

impl SourceBuilds {
    /// # Errors
    /// The directory of built wheels cannot be used.
    pub(crate) fn open(sandbox: Sandbox, root: PathBuf, limits: SourceLimits, empty: PathBuf) -> io::Result<Self> {
        Ok(Self { sandbox, kept: Kept::open(root)?, limits, empty })
    }
}
