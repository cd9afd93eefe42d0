//! Versions of CPython.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A released version of CPython, `X.Y.Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PythonVersion {
    /// The first number.
    pub major: u16,
    /// The second number.
    pub minor: u16,
    /// The third number.
    pub patch: u16,
}

impl PythonVersion {
    /// Whether this version is what `wanted` (`X.Y` or `X.Y.Z`) asks for.
    pub fn satisfies(self, wanted: &str) -> bool {
        wanted == self.to_string() || wanted == format!("{}.{}", self.major, self.minor)
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for PythonVersion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let numbers: Vec<u16> = text.split('.').map(|part| part.parse().map_err(|_| ())).collect::<Result<_, _>>()?;
        let [major, minor, patch] = numbers[..] else { return Err(()) };
        Ok(Self { major, minor, patch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_version_means_any_patch_of_it() {
        let version: PythonVersion = "3.11.7".parse().unwrap();
        assert!(version.satisfies("3.11") && version.satisfies("3.11.7"));
        assert!(!version.satisfies("3.1") && !version.satisfies("3.11.8") && !version.satisfies("3"));
        assert!("3.11".parse::<PythonVersion>().is_err() && "3.11.x".parse::<PythonVersion>().is_err());
    }
}
