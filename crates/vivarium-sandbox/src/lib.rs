//! Runs an untrusted program behind the walls of the Linux kernel: plan, apply, verify.
//!
//! A [`Plan`] is plain data and says everything about one instance. [`Sandbox::spawn`] checks it
//! whole, hands it to a single-threaded *launcher* process which applies it step by step, and
//! returns an [`Instance`] once the program runs. Every step that fails is a [`SandboxError`] that
//! names the layer, the step, the kernel's reason and a remedy.
//!
//! What is not here: Python, runtimes, users, HTTP. What is not promised: a virtual machine. All
//! instances share the host's kernel.
//!
//! The map of processes, and what ends each of them:
//!
//! ```text
//! server ──socket──> launcher ──> pid 1 of the instance ──> whatever it starts
//! ```
//!
//! - the server's end of the socket closes with the server, however it dies; the launcher then
//!   kills pid 1 and leaves;
//! - pid 1 takes its whole pid namespace with it; the kernel leaves nothing behind;
//! - a launcher that dies takes pid 1 along by the parent-death signal, and the server kills what
//!   is left through the pidfd and the cgroups;
//! - cgroups of a server that was killed are removed by [`Sandbox::remove_leftovers`].

mod cgroup;
mod error;
mod ids;
mod instance;
mod janitor;
mod layer;
mod plan;
mod sandbox;
mod seccomp;
mod settings;
mod spawn;
mod sys;
mod wire;
mod zygote;

pub mod launcher;
pub mod network;
pub mod probe;

pub use cgroup::{Controller, Driver, Leftovers};
pub use error::{Fault, SandboxError};
pub use instance::{Departure, Exit, ExitStatus, Instance, Killer, Pipes, Spent};
pub use layer::{Demands, Layer, NotLowerable};
pub use plan::{Identity, Limits, Mount, Plan, PlanError, Scratch, USUAL_CPU_WEIGHT};
pub use sandbox::Sandbox;
pub use seccomp::Theme;
pub use settings::{IdRange, LauncherCommand, Settings};
pub use zygote::{Cell, Zygote};
