//! The program between server and instance: one thread, one instance, no choices of its own.
//!
//! `outer` runs with the server's rights: it opens what the instance may see, gives birth to pid 1,
//! puts it into its cgroups, writes its id maps, and then only watches. `inner` is pid 1: it builds
//! its own cell in the order of `inner::BUILD`, locks itself in, proves it and executes the plan's
//! command. Where that is a zygote, pid 1 stays as its `keeper`.

mod descriptors;
mod filter;
mod identity;
mod inner;
mod keeper;
mod limits;
mod maps;
mod network;
mod order;
mod outer;
mod rules;
mod sources;
mod tree;
mod verify;
mod watch;

use std::process::ExitCode;

/// What the inner half needs to know; the outer half fills it before the birth.
pub(crate) use inner::Cell;

/// The entry for the program of [`crate::LauncherCommand`]. To be called first thing in `main`,
/// before any thread exists and before anything is read from the environment. `args` are those
/// after the command's own.
///
/// Speaks with the server over descriptor 0 and says nothing on 1 and 2.
pub fn main(args: impl IntoIterator<Item = String>) -> ExitCode {
    let args: Vec<String> = args.into_iter().collect();
    match args.first().map(String::as_str) {
        Some("probe") => crate::probe::inside(&args[1..]),
        _ => outer::run(),
    }
}
