//! The system calls that an instance may make, as reasoned data, and their compilation to a
//! filter, `seccomp(2)`.
//!
//! Deny by default. What is listed in [`table`] is allowed, some of it only with certain
//! arguments; what is listed in `table/refused.rs` answers EPERM; everything else, above all what
//! kernels newer than this list will have, answers ENOSYS, so that programs fall back to what they
//! did before it existed. Calls by the door of another architecture kill the process: their
//! numbers mean something else.

mod compile;
mod condition;
mod table;
mod theme;

use serde::{Deserialize, Serialize};

pub(crate) use compile::{compile, compile_leave};
pub use theme::Theme;

/// A compiled filter: each `sock_filter` as one number, code, jumps and operand from high to low.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Program(pub(crate) Vec<u64>);

/// Whether there is a table for this architecture.
pub(crate) const ARCHITECTURE_KNOWN: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
