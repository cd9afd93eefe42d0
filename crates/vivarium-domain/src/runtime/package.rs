//! Packages of a runtime, and what became of them on a node.

use std::str::FromStr;

use pep508_rs::{Requirement, VerbatimUrl, VersionOrUrl};
use serde::{Deserialize, Serialize};

/// A package that a definition asks for, as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageSpec {
    /// Name with optional extras: `requests[socks]`.
    pub name: String,
    /// `""` for the newest, a bare version such as `2.1.0`, or a PEP 440 specifier such as `>=2,<3`.
    pub version: String,
    /// What it is for.
    pub description: String,
}

impl PackageSpec {
    /// The requirement in the form of PEP 508, or why name or version are not valid.
    /// The error says which of the two it is about.
    pub fn requirement(&self) -> Result<String, (&'static str, String)> {
        let name = self.name.trim();
        let bare = parse(name).map_err(|reason| ("name", reason))?;
        if bare.version_or_url.is_some() || has_marker(name) {
            return Err(("name", "must be a package name with optional extras; give versions in `version`".to_owned()));
        }
        let version = self.version.trim();
        let specifier = match version.chars().next() {
            None => String::new(),
            Some(first) if first.is_ascii_alphanumeric() => format!("=={version}"),
            Some(_) => version.to_owned(),
        };
        let text = format!("{name}{specifier}");
        let whole = parse(&text).map_err(|reason| ("version", reason))?;
        match whole.version_or_url {
            Some(VersionOrUrl::Url(_)) => {
                Err(("version", "must be a version or a PEP 440 specifier, not an address".to_owned()))
            }
            _ if has_marker(version) => Err(("version", "must not carry an environment marker".to_owned())),
            _ => Ok(text),
        }
    }

    /// The name under which an index knows the package (PEP 503), without extras.
    pub fn normalized_name(&self) -> String {
        parse(self.name.trim())
            .map_or_else(|_| self.name.trim().to_lowercase(), |requirement| requirement.name.to_string())
    }
}

fn parse(text: &str) -> Result<Requirement<VerbatimUrl>, String> {
    let first_line = |error: pep508_rs::Pep508Error<VerbatimUrl>| {
        error.message.to_string().lines().next().unwrap_or_default().to_owned()
    };
    Requirement::from_str(text).map_err(first_line)
}

fn has_marker(text: &str) -> bool {
    text.contains(';') || text.contains('@')
}

/// What is known of a package on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageStatus {
    /// No node has reported yet.
    Unknown,
    /// Some node is at it.
    Installing,
    /// It is there.
    Installed,
    /// It could not be installed.
    NotInstalled,
}

impl PackageStatus {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Installing => "installing",
            Self::Installed => "installed",
            Self::NotInstalled => "not_installed",
        }
    }
}

/// What a node reports of one package of the definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageReport {
    /// The package, as the definition names it.
    pub name: String,
    /// What became of it.
    pub status: PackageStatus,
    /// The version that was chosen, once it is installed.
    pub installed_version: Option<String>,
    /// Why it is not installed: first line `Return code: N.`, then the installer's reason.
    pub message: Option<String>,
}

/// A package of a definition together with its state over all nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageState {
    /// The package as defined.
    pub spec: PackageSpec,
    /// Its state.
    pub status: PackageStatus,
    /// The version that was chosen, once it is installed.
    pub installed_version: Option<String>,
    /// Why it is not installed.
    pub message: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, version: &str) -> PackageSpec {
        PackageSpec { name: name.to_owned(), version: version.to_owned(), description: String::new() }
    }

    #[test]
    fn a_bare_version_is_pinned_and_a_specifier_is_kept() {
        assert_eq!(spec("numpy", "2.1.0").requirement().unwrap(), "numpy==2.1.0");
        assert_eq!(spec("numpy", "").requirement().unwrap(), "numpy");
        assert_eq!(spec("requests[socks]", ">=2,<3").requirement().unwrap(), "requests[socks]>=2,<3");
        assert_eq!(spec("Foo_Bar", "").normalized_name(), "foo-bar");
    }

    #[test]
    fn what_is_not_a_name_or_a_version_is_refused_where_it_stands() {
        for name in [
            "",
            "a b",
            "-e .",
            "x; import os",
            "numpy==1",
            "x @ file:///etc/passwd",
            "--index-url=http://h",
            "a\nb",
            "../x",
        ] {
            assert_eq!(spec(name, "").requirement().unwrap_err().0, "name", "{name:?}");
        }
        for version in ["latest", "=>1", "1.0; python_version>'3'", "@ http://h/x.whl", "1 2", ">=1\n--hash", "== "] {
            assert_eq!(spec("numpy", version).requirement().unwrap_err().0, "version", "{version:?}");
        }
    }
}
