//! The words, rules and use cases of Vivarium, and the traits ("ports") they need.
//!
//! There is no HTTP here, no SQL and no system call: adapters implement [`ports`], dialects call the use cases.

pub mod access;
pub mod account;
pub mod error;
pub mod evaluation;
pub mod id;
pub mod name;
pub mod node;
pub mod ports;
pub mod project;
pub mod runtime;
pub mod time;

pub use error::{Error, ErrorKind, FieldError, Result};
