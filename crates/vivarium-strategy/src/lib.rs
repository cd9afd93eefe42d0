//! The Strategy (MicroStrategy) Library REST dialect: what `mstrio-py` speaks.
//!
//! [`router`] lists every route. A route reads a request into words of the domain (`input`), calls one use case and
//! writes the answer in the words of the dialect (`wire`). There is no rule of the domain here, no other dialect and
//! no store. Where the contract leaves a choice, `docs/strategy-dialect.md` says what was chosen and why.

mod connection;
mod error;
mod fields;
mod input;
mod paging;
mod path;
mod router;
mod routes;
mod session;
mod wire;

pub use connection::connection_data;
pub use error::StrategyDialect;
pub use router::{Access, Route, StrategyParts, router, table};
