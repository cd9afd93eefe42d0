//! The build system that a project asks for (PEP 517, PEP 518).

use serde::Deserialize;
use std::str::FromStr;

use pep508_rs::{Requirement, VerbatimUrl, VersionOrUrl};

/// What stands for projects that say nothing (PEP 517).
const LEGACY_BACKEND: &str = "setuptools.build_meta:__legacy__";
const LEGACY_REQUIRES: [&str; 2] = ["setuptools >= 40.8.0", "wheel"];
/// No project needs more.
const MAXIMUM_REQUIREMENTS: usize = 100;

/// How a project is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BuildSystem {
    /// Requirements by name.
    pub(super) requires: Vec<String>,
    /// A module, perhaps with `:` and an object in it.
    pub(super) backend: String,
    /// Directories of the project in which the backend is looked for first.
    pub(super) backend_path: Vec<String>,
}

#[derive(Deserialize)]
struct Project {
    #[serde(rename = "build-system")]
    build_system: Option<Table>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Table {
    requires: Vec<String>,
    build_backend: Option<String>,
    #[serde(default)]
    backend_path: Vec<String>,
}

impl BuildSystem {
    /// Reads `pyproject.toml`, if there is one.
    pub(super) fn of(project: Option<&str>) -> Result<Self, String> {
        let wrong = |error: toml::de::Error| format!("its pyproject.toml is wrong: {}", error.message());
        let project: Option<Project> = project.map(toml::from_str).transpose().map_err(wrong)?;
        let Some(table) = project.and_then(|project| project.build_system) else {
            let requires = LEGACY_REQUIRES.map(str::to_owned).to_vec();
            return Ok(Self { requires, backend: LEGACY_BACKEND.to_owned(), backend_path: Vec::new() });
        };
        Ok(Self {
            requires: checked(&table.requires)?,
            backend: table.build_backend.unwrap_or_else(|| LEGACY_BACKEND.to_owned()),
            backend_path: table.backend_path,
        })
    }
}

/// Requirements as the installer may see them: a name with versions each, no addresses, no paths, no options.
pub(super) fn checked(requires: &[String]) -> Result<Vec<String>, String> {
    if requires.len() > MAXIMUM_REQUIREMENTS {
        return Err("it needs too many packages to be built".to_owned());
    }
    requires.iter().map(|text| plain(text)).collect()
}

fn plain(text: &str) -> Result<String, String> {
    let shown = text.chars().take(100).collect::<String>().escape_debug().to_string();
    let parsed = Requirement::<VerbatimUrl>::from_str(text);
    let parsed = parsed.map_err(|_| format!("it needs `{shown}` to be built, which is no requirement"))?;
    if matches!(parsed.version_or_url, Some(VersionOrUrl::Url(_))) {
        return Err(format!("it needs `{shown}` to be built, and addresses are not allowed there"));
    }
    Ok(parsed.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn silence_means_setuptools() {
        for project in [None, Some("[project]\nname = 'a'\n")] {
            let system = BuildSystem::of(project).unwrap();
            assert_eq!((system.backend.as_str(), system.requires.len()), (LEGACY_BACKEND, 2));
        }
    }

    #[test]
    fn what_a_project_says_is_taken() {
        let text = "[build-system]\nrequires = ['flit_core>=3,<4']\nbuild-backend = 'b:c'\nbackend-path = ['.']\n";
        let system = BuildSystem::of(Some(text)).unwrap();
        assert_eq!(system.requires, ["flit-core>=3,<4"]);
        assert_eq!((system.backend.as_str(), system.backend_path), ("b:c", vec![".".to_owned()]));
    }

    #[test]
    fn options_paths_and_addresses_never_reach_the_installer() {
        for text in ["-r /etc/passwd", "--index-url=http://x", "/etc/passwd", "a @ file:///etc", "a\n-r b", "./x", ""] {
            assert!(checked(&[text.to_owned()]).is_err(), "{text}");
        }
        assert!(BuildSystem::of(Some("[build-system]\nrequires = 3")).is_err());
    }
}
