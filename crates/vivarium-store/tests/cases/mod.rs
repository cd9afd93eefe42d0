//! What every store does, whatever its database.

pub mod account;
pub mod evaluation;
pub mod node;
pub mod project;
pub mod runtime;
pub mod samples;
pub mod store;
