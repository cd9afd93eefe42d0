//! The dialect through HTTP, over the use cases and a store in memory.
#![allow(missing_docs, clippy::unwrap_used)]

mod access;
mod bad_requests;
mod documents;
mod failures;
mod locales;
mod negotiation;
mod runtimes;
mod seeds;
mod support;
