//! The dialect through HTTP, over a world of fakes.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod access;
mod bad_requests;
mod errors;
mod evaluations;
mod events;
mod hostile_paths;
mod identities;
mod kit;
mod objects;
mod projects;
mod roles;
mod runtimes;
mod seeds;
mod sessions;
mod snapshots;
