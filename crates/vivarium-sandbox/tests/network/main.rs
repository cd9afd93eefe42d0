//! What instances reach over the network, and what not, asked from within; the world around is made of namespaces.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::print_stderr)]

mod change;
#[path = "../common/mod.rs"]
mod common;
mod reach;
mod resources;
mod services;
mod world;
