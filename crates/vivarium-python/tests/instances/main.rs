//! Real scripts in real instances.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod endings;
mod forked;
mod house;
mod isolation;
mod parked;
mod scripts;
