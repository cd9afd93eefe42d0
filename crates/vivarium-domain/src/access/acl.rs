//! Access lists (Strategy contract 3.4).

use serde::{Deserialize, Serialize};

use crate::id::{TrusteeId, UserId};

/// The group that every user belongs to.
pub const EVERYONE: TrusteeId = TrusteeId::from_u128(0xC82C_6B10_11D2_894C_C000_9D9F_2971_8E4F);

/// The group of the public, which every user belongs to as well.
pub const PUBLIC_GUEST: TrusteeId = TrusteeId::from_u128(0x294D_EDC0_11D2_F1D5_6000_D98E_6701_9608);

/// A set of rights on an object, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Rights(u32);

impl Rights {
    /// None.
    pub const NONE: Self = Self(0);
    /// See that the object exists.
    pub const BROWSE: Self = Self(1);
    /// Read the definition and the access list.
    pub const READ: Self = Self(4);
    /// Change the definition.
    pub const WRITE: Self = Self(8);
    /// Delete the object.
    pub const DELETE: Self = Self(16);
    /// Change the access list and the owner.
    pub const CONTROL: Self = Self(32);
    /// Use the object inside another one.
    pub const USE: Self = Self(64);
    /// Run it.
    pub const EXECUTE: Self = Self(128);
    /// Browse, read, use and execute.
    pub const VIEW: Self = Self(197);
    /// Everything.
    pub const FULL: Self = Self(255);

    /// From the bits of the wire; `None` for bits that no right has.
    pub fn from_bits(bits: u32) -> Option<Self> {
        (bits <= Self::FULL.0).then_some(Self(bits))
    }

    /// The bits for the wire.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Whether all rights of `other` are among these.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// Whether a trustee is one user or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrusteeKind {
    /// A user.
    User,
    /// A group.
    Group,
}

/// Someone an entry is about, with the name to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trustee {
    /// Its id.
    pub id: TrusteeId,
    /// Its name.
    pub name: String,
    /// User or group.
    pub kind: TrusteeKind,
}

/// One line of an access list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AclEntry {
    /// Whom it is about.
    pub trustee: TrusteeId,
    /// User or group.
    pub kind: TrusteeKind,
    /// The rights granted, or taken where `deny` is set.
    pub rights: Rights,
    /// Takes instead of grants; a denial outweighs every grant.
    pub deny: bool,
    /// Whether objects below inherit it; it has a meaning on folders only.
    pub inheritable: bool,
}

/// The access list of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acl(pub Vec<AclEntry>);

impl Acl {
    /// The list of a fresh object: its owner may do everything.
    pub fn owned_by(owner: UserId) -> Self {
        Self(vec![AclEntry::grant(owner.into(), TrusteeKind::User, Rights::FULL)])
    }

    /// What a user may do by this list: all that is granted to them or to everyone, less all that is denied.
    pub fn rights_of(&self, user: UserId) -> Rights {
        let trustees = [user.into(), EVERYONE, PUBLIC_GUEST];
        let collect = |deny: bool| {
            let entries = self.0.iter().filter(|entry| entry.deny == deny && trustees.contains(&entry.trustee));
            entries.fold(Rights::NONE, |rights, entry| rights.with(entry.rights))
        };
        collect(false).without(collect(true))
    }
}

impl AclEntry {
    /// Grants `rights` to a trustee.
    pub fn grant(trustee: TrusteeId, kind: TrusteeKind, rights: Rights) -> Self {
        Self { trustee, kind, rights, deny: false, inheritable: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_add_up_and_denials_win() {
        let (anna, ben) = (UserId::random(), UserId::random());
        let mut acl = Acl::owned_by(anna);
        acl.0.push(AclEntry::grant(EVERYONE, TrusteeKind::Group, Rights::VIEW));
        acl.0.push(AclEntry { deny: true, ..AclEntry::grant(ben.into(), TrusteeKind::User, Rights::EXECUTE) });
        assert_eq!(acl.rights_of(anna), Rights::FULL);
        assert!(acl.rights_of(ben).contains(Rights::READ));
        assert!(!acl.rights_of(ben).contains(Rights::EXECUTE));
    }

    #[test]
    fn a_stranger_has_no_rights() {
        assert_eq!(Acl::owned_by(UserId::random()).rights_of(UserId::random()), Rights::NONE);
    }
}
