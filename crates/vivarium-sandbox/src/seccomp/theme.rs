//! The themes of the table, by which a plan chooses.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// A group of system calls that a program needs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Theme {
    /// To be executed, to load libraries, to read and write what is open, to end. Every program
    /// needs it, so every plan must have it.
    Program,
    /// Paths and what lies behind them.
    Files,
    /// Address space beyond what loading a program takes.
    Memory,
    /// More processes: fork, execute, wait, sessions.
    Processes,
    /// Threads and their scheduling.
    Threads,
    /// Clocks to read, timers to set.
    Time,
    /// `signal(7)`.
    Signals,
    /// `socket(7)`: Unix and internet sockets, and routing data to read.
    Sockets,
    /// Waiting for many things at once, and things to wait for.
    Events,
    /// Who am I; nothing of it can be changed.
    Identity,
    /// What kind of machine, how much is used, what are the limits.
    System,
    /// To enter a cell that was prepared and lock itself in: for zygotes only, which run no script. What they fork is
    /// behind a filter without it before it runs anything.
    Join,
    /// To say that a cell stands, and to wait for its end: for the first process of a forked instance only, which has
    /// nothing else.
    Wait,
}

impl Theme {
    /// Every theme that an instance may have.
    pub const ALL: [Self; 11] = [
        Self::Program,
        Self::Files,
        Self::Memory,
        Self::Processes,
        Self::Threads,
        Self::Time,
        Self::Signals,
        Self::Sockets,
        Self::Events,
        Self::Identity,
        Self::System,
    ];

    /// What CPython with its standard library and the usual packages needs; the default of a plan.
    #[must_use]
    pub fn all() -> BTreeSet<Self> {
        Self::ALL.into()
    }
}
