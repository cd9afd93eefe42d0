//! The server as a whole: what it is made of, in which order it starts, and how it ends.

mod adapters;
mod assembly;
mod data_directory;
mod dialects;
mod health;
mod host;
mod lifecycle;
mod logging;
mod measurements;
mod readiness;
mod signals;

pub(crate) use adapters::{accounts, open_store, python_settings, sandbox_settings, store_settings};
pub(crate) use data_directory::DataDirectory;
pub(crate) use lifecycle::run;
pub(crate) use logging::start_logging;
