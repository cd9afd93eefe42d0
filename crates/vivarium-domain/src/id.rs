//! Identifiers. All are 128-bit values written as 32 hexadecimal digits in upper case (Strategy contract 0.5).

use std::fmt;
use std::str::FromStr;

/// 128 bits, written as 32 upper case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid(u128);

/// The text is not 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is 32 hexadecimal digits")]
pub struct NotAGuid;

impl Guid {
    /// A fresh one from the kernel's random source.
    ///
    /// # Panics
    /// When the kernel gives no random bytes; nothing that needs ids can go on then.
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the kernel's random source answers");
        Self(u128::from_be_bytes(bytes))
    }

    /// A well-known one.
    pub const fn from_u128(value: u128) -> Self {
        Self(value)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032X}", self.0)
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Guid {
    type Err = NotAGuid;

    /// Takes either case, as a courtesy to people who type.
    fn from_str(text: &str) -> Result<Self, NotAGuid> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAGuid);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| NotAGuid)
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Guid);

        impl $name {
            /// A fresh one.
            pub fn random() -> Self {
                Self(Guid::random())
            }

            /// A well-known one.
            pub const fn from_u128(value: u128) -> Self {
                Self(Guid::from_u128(value))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = NotAGuid;

            fn from_str(text: &str) -> Result<Self, NotAGuid> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// Names a runtime for its whole life.
    RuntimeId,
    /// Names one saved state of a definition: the `version` of the Strategy dialect.
    RevisionId,
    /// Names what nodes have to build for a definition; it changes with the packages, the interpreter and each retry.
    BuildId,
    /// Names a user.
    UserId,
    /// Names whom an access list entry is about: a user or a group.
    TrusteeId,
    /// Names a project.
    ProjectId,
    /// Names a node.
    NodeId,
    /// Names an evaluation.
    EvaluationId,
}

impl From<UserId> for TrusteeId {
    fn from(user: UserId) -> Self {
        Self(user.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_reads_back_what_it_wrote() {
        let id = Guid::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().to_lowercase().parse(), Ok(id));
    }

    #[test]
    fn nothing_but_32_hexadecimal_digits_is_a_guid() {
        for text in ["", "1", "+F35652CA7D041978BF0CBCB67531203", "../..", &"0".repeat(33), &"G".repeat(32)] {
            assert_eq!(text.parse::<Guid>(), Err(NotAGuid), "{text}");
        }
    }
}
