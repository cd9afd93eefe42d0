//! The endpoints and who may call them, as data: the router is built from it, and so is the test of the roles.

use http::Method;
use vivarium_domain::account::Role;

/// An endpoint (contract 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Runtimes (GET), contract 2.1.
    Runtimes,
    /// Runtime (GET), contract 2.2.
    Runtime,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Runtimes, Self::Runtime];

    /// Its path below the root of the interface, with `{runtime}` for the name of a runtime.
    pub fn path(self) -> &'static str {
        match self {
            Self::Runtimes => "/runtimes",
            Self::Runtime => "/runtimes/{runtime}",
        }
    }

    /// Its method; `HEAD` goes with `GET`.
    pub fn method(self) -> Method {
        match self {
            Self::Runtimes | Self::Runtime => Method::GET,
        }
    }

    /// The roles of which a caller needs one.
    pub fn roles(self) -> &'static [Role] {
        match self {
            Self::Runtimes | Self::Runtime => &Role::ALL,
        }
    }
}
