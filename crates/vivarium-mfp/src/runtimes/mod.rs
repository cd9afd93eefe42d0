//! Runtimes, which the original calls projects in its list.

mod detail;
mod list;
mod synchronization;

pub(crate) use detail::detail;
pub(crate) use list::list;

/// Version of the interface.
const API_VERSION: &str = "2.0";
