//! From the documents that clients send to requests of the domain. Every fault of a document is named, not only the first.

mod access_list;
mod evaluation;
mod login;
mod object;
mod reader;
mod runtime;

pub(crate) use evaluation::start_evaluation;
pub(crate) use login::{api_token_user, delegation, login};
pub(crate) use object::object_change;
pub(crate) use reader::MISSING;
pub(crate) use runtime::runtime_change;
