//! Who may do what: rights on objects, privileges for actions, and the caller of a use case.

mod acl;
mod caller;
mod privilege;

pub use acl::{Acl, AclEntry, EVERYONE, PUBLIC_GUEST, Rights, Trustee, TrusteeKind};
pub use caller::Caller;
pub use privilege::Privilege;
