//! What every store does, whatever its database.

pub(crate) mod account;
pub(crate) mod evaluation;
pub(crate) mod node;
pub(crate) mod project;
pub(crate) mod runtime;
pub(crate) mod samples;
pub(crate) mod store;
