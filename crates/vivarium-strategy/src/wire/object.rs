//! Generic object information (contract 3.2).

use serde::Serialize;
use vivarium_domain::access::{Caller, Rights};
use vivarium_domain::account::User;
use vivarium_domain::id::Guid;
use vivarium_domain::project::Project;
use vivarium_domain::runtime::RuntimeView;

use super::access::{AccessEntry, Owner, USER_SUBTYPE, USER_TYPE, access_list, built_in_access_list};
use super::date::date;
use super::project::{PROJECT_SUBTYPE, PROJECT_TYPE};
use super::runtime::{RUNTIME_SUBTYPE, RUNTIME_TYPE};
use super::user::version_of;

/// What all objects have in common.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ObjectDocument {
    name: String,
    id: String,
    #[serde(rename = "type")]
    kind: u32,
    subtype: u32,
    ext_type: u32,
    description: String,
    abbreviation: String,
    hidden: bool,
    comments: String,
    date_created: String,
    date_modified: String,
    version: String,
    acg: u32,
    owner: Owner,
    acl: Vec<AccessEntry>,
    ancestors: [(); 0],
    certified_info: Certification,
}

/// Whether somebody vouches for an object. Nobody can yet.
#[derive(Debug, Serialize)]
struct Certification {
    certified: bool,
}

impl From<RuntimeView> for ObjectDocument {
    fn from(view: RuntimeView) -> Self {
        let RuntimeView { runtime, rights, owner_name, trustees, .. } = view;
        Self {
            kind: RUNTIME_TYPE,
            subtype: RUNTIME_SUBTYPE,
            date_created: date(runtime.created),
            date_modified: date(runtime.modified),
            version: runtime.revision.to_string(),
            acg: rights.bits(),
            owner: Owner::new(runtime.owner, &owner_name),
            acl: access_list(&runtime.acl, &trustees),
            ..Self::named(runtime.definition.name.as_str(), runtime.id.0, runtime.definition.description)
        }
    }
}

impl ObjectDocument {
    /// A project, as `caller` sees it.
    pub(crate) fn of_project(project: &Project, caller: &Caller) -> Self {
        Self {
            kind: PROJECT_TYPE,
            subtype: PROJECT_SUBTYPE,
            date_created: date(project.created),
            date_modified: date(project.modified),
            version: super::project::version(project),
            acg: built_in_rights(caller).bits(),
            owner: Owner::administrator(),
            acl: built_in_access_list(),
            ..Self::named(project.name.as_str(), project.id.0, project.description.clone())
        }
    }

    /// A user, as `caller` sees them.
    pub(crate) fn of_user(user: &User, caller: &Caller) -> Self {
        Self {
            kind: USER_TYPE,
            subtype: USER_SUBTYPE,
            abbreviation: user.name.to_string(),
            date_created: date(user.created),
            date_modified: date(user.modified),
            version: version_of(user.id.0, user.modified),
            acg: built_in_rights(caller).bits(),
            owner: Owner::of(user),
            acl: built_in_access_list(),
            ..Self::named(&user.full_name, user.id.0, String::new())
        }
    }

    fn named(name: &str, id: Guid, description: String) -> Self {
        Self {
            name: name.to_owned(),
            id: id.to_string(),
            kind: 0,
            subtype: 0,
            ext_type: 0,
            description,
            abbreviation: String::new(),
            hidden: false,
            comments: String::new(),
            date_created: String::new(),
            date_modified: String::new(),
            version: String::new(),
            acg: 0,
            owner: Owner::administrator(),
            acl: Vec::new(),
            ancestors: [],
            certified_info: Certification { certified: false },
        }
    }
}

/// What `caller` may do with what the server itself made.
pub(super) fn built_in_rights(caller: &Caller) -> Rights {
    if caller.is_administrator() { Rights::FULL } else { Rights::VIEW }
}
