//! Users (contract 3.7).

use serde::Serialize;
use vivarium_domain::access::{Caller, EVERYONE};
use vivarium_domain::account::User;
use vivarium_domain::id::Guid;
use vivarium_domain::time::Timestamp;

use super::access::{AccessEntry, Owner, USER_SUBTYPE, USER_TYPE, built_in_access_list};
use super::date::date;
use super::object::built_in_rights;

/// A user as a member of a group or of the whole list.
#[derive(Debug, Serialize)]
pub(crate) struct MemberDocument {
    id: String,
    name: String,
    #[serde(rename = "type")]
    kind: u32,
    subtype: u32,
    username: String,
    #[serde(rename = "fullName")]
    full_name: String,
    initials: String,
    abbreviation: String,
    description: &'static str,
    enabled: bool,
}

/// A user.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserDocument {
    #[serde(flatten)]
    member: MemberDocument,
    date_created: String,
    date_modified: String,
    version: String,
    acg: u32,
    acl: Vec<AccessEntry>,
    owner: Owner,
    memberships: [Membership; 1],
}

/// A group that a user belongs to.
#[derive(Debug, Serialize)]
struct Membership {
    id: String,
    name: &'static str,
}

impl From<&User> for MemberDocument {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            name: user.full_name.clone(),
            kind: USER_TYPE,
            subtype: USER_SUBTYPE,
            username: user.name.to_string(),
            full_name: user.full_name.clone(),
            initials: user.initials(),
            abbreviation: user.name.to_string(),
            description: "",
            enabled: true,
        }
    }
}

impl UserDocument {
    /// A user as `caller` sees them.
    pub(crate) fn new(user: &User, caller: &Caller) -> Self {
        Self {
            member: MemberDocument::from(user),
            date_created: date(user.created),
            date_modified: date(user.modified),
            version: version_of(user.id.0, user.modified),
            acg: built_in_rights(caller).bits(),
            acl: built_in_access_list(),
            owner: Owner::of(user),
            memberships: [Membership { id: EVERYONE.to_string(), name: "Everyone" }],
        }
    }
}

/// 32 digits that change with every save of an object that has no revisions: the last 16 are the time of the save.
pub(super) fn version_of(id: Guid, modified: Timestamp) -> String {
    let id = id.to_string();
    format!("{}{:016X}", id.get(..16).unwrap_or_default(), modified.as_micros())
}
