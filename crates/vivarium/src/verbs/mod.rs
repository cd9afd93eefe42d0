//! One file per verb.

pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod run;
pub(crate) mod runtime;
pub(crate) mod serve;
pub(crate) mod user;
