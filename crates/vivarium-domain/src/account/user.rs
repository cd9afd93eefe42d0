//! Users and roles.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::PasswordHash;
use crate::id::UserId;
use crate::name::Name;
use crate::time::Timestamp;

/// Id of the user that the first start creates.
pub const ADMINISTRATOR_ID: UserId = UserId::from_u128(0x54F3_D260_11D2_8965_6000_9A8E_6701_9608);

/// Login name of the user that the first start creates.
pub const ADMINISTRATOR_NAME: &str = "administrator";

/// A role of the MobileFirst dialect (contract 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// `mfpadmin`: everything.
    Admin,
    /// `mfpdeployer`: defines and deploys.
    Deployer,
    /// `mfpoperator`: runs what is there.
    Operator,
    /// `mfpmonitor`: looks on.
    Monitor,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Deployer, Self::Operator, Self::Monitor];

    /// Its name on the wire and the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "mfpadmin",
            Self::Deployer => "mfpdeployer",
            Self::Operator => "mfpoperator",
            Self::Monitor => "mfpmonitor",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| {
            format!("`{text}` is not a role; the roles are mfpadmin, mfpdeployer, mfpoperator and mfpmonitor")
        })
    }
}

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// The name they log in with; unique without regard to case.
    pub name: Name,
    /// The name to show.
    pub full_name: String,
    /// Hash of the password.
    pub password: PasswordHash,
    /// Roles of the MobileFirst dialect.
    pub roles: BTreeSet<Role>,
    /// When they were added.
    pub created: Timestamp,
    /// When they were last changed.
    pub modified: Timestamp,
}

impl User {
    /// The first letters of the words of the full name, in upper case: at most three.
    pub fn initials(&self) -> String {
        let first_letters = self.full_name.split_whitespace().filter_map(|word| word.chars().next());
        first_letters.take(3).flat_map(char::to_uppercase).collect()
    }
}
