//! What scripts must not be able to do, tried out in real instances of both modes. The numbers of the files are those
//! of the table in `docs/security.md`.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

// The other test target uses all of it.
mod bait;
#[allow(dead_code)]
#[path = "../instances/house.rs"]
mod house;
mod kills;
mod modes;
mod stage;

mod t01_links;
mod t03_reach;
mod t04_traces;
mod t07_secrets;
mod t09_kernel_files;
mod t12_terminal;
mod t15_floods;
mod t16_memory;
mod t20_chance;
mod t23_limits;
