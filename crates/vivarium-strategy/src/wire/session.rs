//! Sessions and the server itself (contract 2).

use std::time::Duration;

use serde::Serialize;
use vivarium_domain::access::{Caller, Privilege};
use vivarium_domain::id::Guid;

/// Locale id of English (United States).
const LOCALE: u32 = 1033;
/// Values that clients read and send again; nothing here depends on them.
const WORKING_SET: u32 = 10;
const MAX_SEARCH: u32 = 3;

/// The session. `timeout` is the time in seconds after which an unused session ends; clients need it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionDocument {
    #[serde(flatten)]
    user: UserInfo,
    locale: u32,
    timeout: u64,
    working_set: u32,
    max_search: u32,
}

/// Whom a session stands for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserInfo {
    id: String,
    full_name: String,
    initials: String,
}

/// A privilege of the caller; it holds on the whole server.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PrivilegeDocument {
    id: String,
    name: &'static str,
    description: &'static str,
    is_server_level: bool,
    projects: [(); 0],
}

/// Versions of the server. Clients choose their calls by them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusDocument {
    web_version: String,
    i_server_version: String,
    deployment_type: &'static str,
}

/// A new API token.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiToken {
    /// The secret; it is shown this once.
    pub(crate) api_token: String,
}

/// The id of something new.
#[derive(Debug, Serialize)]
pub(crate) struct Created {
    id: String,
}

impl Created {
    /// By its id.
    pub(crate) fn new(id: Guid) -> Self {
        Self { id: id.to_string() }
    }
}

impl From<&Caller> for UserInfo {
    fn from(caller: &Caller) -> Self {
        let user = caller.user();
        Self { id: user.id.to_string(), full_name: user.full_name.clone(), initials: user.initials() }
    }
}

impl SessionDocument {
    /// The session of `caller`, which ends when it is not used for `idle`.
    pub(crate) fn new(caller: &Caller, idle: Duration) -> Self {
        let (working_set, max_search) = (WORKING_SET, MAX_SEARCH);
        Self { user: UserInfo::from(caller), locale: LOCALE, timeout: idle.as_secs(), working_set, max_search }
    }
}

impl From<&Privilege> for PrivilegeDocument {
    fn from(privilege: &Privilege) -> Self {
        let (id, description) = match privilege {
            Privilege::ExecuteScripts => (1, "run code and scripts in runtimes"),
            Privilege::CreateRuntimes => (2, "define runtimes"),
            Privilege::OperateRuntimes => (3, "stop, start and synchronize runtimes"),
            Privilege::Administer => (4, "do everything with every object"),
        };
        Self { id: id.to_string(), name: privilege.name(), description, is_server_level: true, projects: [] }
    }
}

impl StatusDocument {
    /// This server. The first nine characters stand for the release of the interface that it speaks, the last five
    /// digits for the version of this program.
    pub(crate) fn current() -> Self {
        let version = format!("11.6.1000.{:05}", build_number());
        Self { web_version: version.clone(), i_server_version: version, deployment_type: "default" }
    }
}

/// `X.Y.Z` of this program as X * 10000 + Y * 100 + Z.
fn build_number() -> u32 {
    let number = |text: &str| text.parse::<u32>().unwrap_or_default();
    number(env!("CARGO_PKG_VERSION_MAJOR")) * 10_000
        + number(env!("CARGO_PKG_VERSION_MINOR")) * 100
        + number(env!("CARGO_PKG_VERSION_PATCH"))
}
