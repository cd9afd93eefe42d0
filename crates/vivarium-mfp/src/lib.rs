//! The dialect of the IBM MobileFirst administration service, REST 2.0: routes, documents, errors, and messages in
//! several languages.
//!
//! [`router`] has paths below the root of the interface (`/mfpadmin/management-apis/2.0`); links follow the place where
//! it is nested. Decisions on what the original leaves open stand in `docs/mobilefirst-dialect.md`.

mod access;
mod dialect;
mod document;
mod endpoint;
mod inquiry;
mod language;
mod presentation;
mod refusal;
mod router;
mod runtimes;

pub use dialect::{MfpDialect, PrettyMfpDialect};
pub use endpoint::Endpoint;
pub use router::{MfpParts, pretty_router, router};
