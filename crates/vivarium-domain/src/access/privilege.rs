//! Privileges: what a user may do at all, whatever the object.

use std::collections::BTreeSet;

use crate::account::Role;

/// An action that not everybody may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Privilege {
    /// Run code and scripts.
    ExecuteScripts,
    /// Define runtimes.
    CreateRuntimes,
    /// Stop, start and synchronize runtimes.
    OperateRuntimes,
    /// Everything, on every object, whatever its access list says.
    Administer,
}

impl Privilege {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ExecuteScripts, Self::CreateRuntimes, Self::OperateRuntimes, Self::Administer];

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::ExecuteScripts => "Execute scripts",
            Self::CreateRuntimes => "Create runtimes",
            Self::OperateRuntimes => "Operate runtimes",
            Self::Administer => "Administer the server",
        }
    }

    /// What the roles of a user give. Somebody without any role is an analyst, who runs scripts;
    /// the monitor's role alone only looks on.
    pub fn of_roles(roles: &BTreeSet<Role>) -> BTreeSet<Self> {
        let granted = |role: &Role| match role {
            Role::Admin => Self::ALL.to_vec(),
            Role::Deployer => vec![Self::ExecuteScripts, Self::CreateRuntimes, Self::OperateRuntimes],
            Role::Operator => vec![Self::ExecuteScripts, Self::OperateRuntimes],
            Role::Monitor => Vec::new(),
        };
        if roles.is_empty() {
            return BTreeSet::from([Self::ExecuteScripts]);
        }
        roles.iter().flat_map(granted).collect()
    }
}
