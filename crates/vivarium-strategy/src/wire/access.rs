//! Owners and access lists (contract 3.4).

use serde::Serialize;
use vivarium_domain::access::{Acl, AclEntry, Rights, Trustee, TrusteeKind};
use vivarium_domain::account::{ADMINISTRATOR_ID, User};
use vivarium_domain::id::UserId;

/// Type code of users and groups.
pub(crate) const USER_TYPE: u32 = 34;
/// Subtype code of users.
pub(super) const USER_SUBTYPE: u32 = 8704;
const GROUP_SUBTYPE: u32 = 8705;

/// Name and id of a user.
#[derive(Debug, Serialize)]
pub(super) struct Owner {
    name: String,
    id: String,
}

/// One entry of an access list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccessEntry {
    deny: bool,
    #[serde(rename = "type")]
    kind: u32,
    rights: u32,
    trustee_id: String,
    trustee_name: String,
    trustee_type: u32,
    trustee_subtype: u32,
    inheritable: bool,
}

impl Owner {
    /// Somebody by id and name.
    pub(super) fn new(id: UserId, name: &str) -> Self {
        Self { name: name.to_owned(), id: id.to_string() }
    }

    /// The built-in administrator, who owns what nobody made.
    pub(super) fn administrator() -> Self {
        Self::new(ADMINISTRATOR_ID, "Administrator")
    }

    /// A user.
    pub(super) fn of(user: &User) -> Self {
        Self::new(user.id, &user.full_name)
    }
}

/// The entries of a list, each with its trustee of the same place.
pub(super) fn access_list(acl: &Acl, trustees: &[Trustee]) -> Vec<AccessEntry> {
    acl.0.iter().zip(trustees).map(|(entry, trustee)| AccessEntry::new(entry, &trustee.name)).collect()
}

/// The list of what the server itself made and nobody can change: the administrator owns it, everybody sees it.
pub(super) fn built_in_access_list() -> Vec<AccessEntry> {
    let everyone = AclEntry::grant(vivarium_domain::access::EVERYONE, TrusteeKind::Group, Rights::VIEW);
    let administrator = AclEntry::grant(ADMINISTRATOR_ID.into(), TrusteeKind::User, Rights::FULL);
    vec![AccessEntry::new(&everyone, "Everyone"), AccessEntry::new(&administrator, "Administrator")]
}

impl AccessEntry {
    fn new(entry: &AclEntry, trustee_name: &str) -> Self {
        let trustee_subtype = match entry.kind {
            TrusteeKind::User => USER_SUBTYPE,
            TrusteeKind::Group => GROUP_SUBTYPE,
        };
        Self {
            deny: entry.deny,
            kind: 1,
            rights: entry.rights.bits(),
            trustee_id: entry.trustee.to_string(),
            trustee_name: trustee_name.to_owned(),
            trustee_type: USER_TYPE,
            trustee_subtype,
            inheritable: entry.inheritable,
        }
    }
}
