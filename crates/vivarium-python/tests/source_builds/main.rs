//! T24: source distributions are built behind the walls, and a hostile one gets nothing for it.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

#[path = "../common/uv.rs"]
mod common;
mod hostile;
mod house;
mod index;
mod ordinary;
