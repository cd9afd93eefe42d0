//! The configuration: defaults <- TOML file <- environment <- flags, read once and passed down as values.

mod load;
mod mask;
mod sections;
mod tree;

pub(crate) use load::{load, load_for_store};
pub(crate) use sections::{Configuration, Log, LogFormat, Mfp, RuntimeDefaults, TlsFiles};
pub(crate) use tree::Setting;
