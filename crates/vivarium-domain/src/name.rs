//! Names of runtimes, folders, users and projects.

use std::fmt;

/// Longest name, in Unicode characters.
pub const MAX_NAME_CHARS: usize = 250;

/// A name: 1 to 250 characters after trimming, without control characters, `/` and `\`.
/// Everything else is allowed and comes back exactly.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name(String);

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAName {
    /// Nothing is left after trimming.
    #[error("must not be empty")]
    Empty,
    /// More than [`MAX_NAME_CHARS`] characters.
    #[error("must have at most {MAX_NAME_CHARS} characters")]
    TooLong,
    /// It holds a control character, `/` or `\`.
    #[error("must not contain control characters, `/` or `\\`")]
    Forbidden,
}

impl Name {
    /// Reads a name, trimming white space at both ends.
    pub fn parse(text: &str) -> Result<Self, NotAName> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(NotAName::Empty);
        }
        if trimmed.chars().count() > MAX_NAME_CHARS {
            return Err(NotAName::TooLong);
        }
        if trimmed.chars().any(|c| c.is_control() || c == '/' || c == '\\') {
            return Err(NotAName::Forbidden);
        }
        Ok(Self(trimmed.to_owned()))
    }

    /// The name as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What two names that count as the same have in common: uniqueness does not regard case.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_otherwise_kept() {
        assert_eq!(Name::parse("  Läufe & <Täge> \"1\" ").unwrap().as_str(), "Läufe & <Täge> \"1\"");
    }

    #[test]
    fn length_counts_characters_not_bytes() {
        assert!(Name::parse(&"ü".repeat(250)).is_ok());
        assert_eq!(Name::parse(&"ü".repeat(251)), Err(NotAName::TooLong));
    }

    #[test]
    fn separators_and_control_characters_are_refused() {
        for text in ["a/b", "a\\b", "a\nb", "a\0b", "x\u{85}y"] {
            assert!(Name::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(Name::parse(" \t "), Err(NotAName::Empty));
    }

    #[test]
    fn case_does_not_make_a_name_another_one() {
        assert_eq!(Name::parse("ÄPFEL").unwrap().key(), Name::parse("äpfel").unwrap().key());
    }
}
