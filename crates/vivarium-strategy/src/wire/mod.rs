//! The documents of the dialect as they go out. Keys stand in the order of the published samples; nothing is ever null.

mod access;
mod date;
mod evaluation;
mod list;
mod node;
mod object;
mod pool;
mod project;
mod runtime;
mod session;
mod user;

pub(crate) use access::USER_TYPE;
pub(crate) use evaluation::EvaluationDocument;
pub(crate) use list::{ProjectList, RuntimeList, VersionList};
pub(crate) use node::{NodeDocument, NodeList, NodeProject};
pub(crate) use object::ObjectDocument;
pub(crate) use pool::PoolDocument;
pub(crate) use project::{LoadedProject, PROJECT_TYPE, ProjectDocument, ProjectNode};
pub(crate) use runtime::{RUNTIME_TYPE, RuntimeDocument};
pub(crate) use session::{ApiToken, Created, PrivilegeDocument, SessionDocument, StatusDocument, UserInfo};
pub(crate) use user::{MemberDocument, UserDocument};
