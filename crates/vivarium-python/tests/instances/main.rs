//! Real scripts in real instances.
#![allow(missing_docs, clippy::unwrap_used)]

mod endings;
mod house;
mod isolation;
mod scripts;
