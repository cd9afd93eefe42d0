//! Control groups, by their files, in both versions: `cgroups(7)`.
//!
//! `layout` finds where each controller lives, `parent` makes the place below which all instances
//! of this server lie, `group` is one instance, `leftovers` cleans up after a killed server.

mod files;
mod group;
mod layout;
mod leftovers;
mod oom;
mod parent;
mod quick;
mod v1;
mod v2;

pub(crate) use group::{Group, Usage};
pub(crate) use layout::Layout;
pub use layout::{Controller, Driver};
pub use leftovers::Leftovers;
pub(crate) use leftovers::remove_leftovers;
pub(crate) use oom::oom_event;
pub(crate) use parent::Parent;
pub(crate) use quick::Quick;
