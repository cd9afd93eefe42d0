//! Which of an index's files are source distributions of a project.

use std::collections::BTreeMap;
use std::path::Path;

use pep508_rs::pep440_rs::Version;

use super::Location;
use super::page::{Page, PageFile};
use crate::builds::names::normalized;

/// The formats of source distributions; only the first and the last are still made.
const FORMATS: [&str; 5] = [".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip"];
/// No project has more files.
const MAXIMUM_FILES: usize = 20_000;

/// One source distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::builds) struct SourceFile {
    pub(in crate::builds) version: Version,
    pub(in crate::builds) location: Location,
    /// SHA-256 in hexadecimal digits, where the index tells it.
    pub(in crate::builds) sha256: Option<String>,
    /// A PEP 440 specifier, as the index tells it.
    pub(in crate::builds) requires_python: Option<String>,
}

/// Those in a directory. One that cannot be read has none; uv says so on its own.
pub(super) fn of_directory(project: &str, directory: &Path) -> Vec<SourceFile> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().take(MAXIMUM_FILES).flatten();
    let source = |entry: std::fs::DirEntry| {
        let version = version_in(project, entry.file_name().to_str()?)?;
        let location = Location::File(entry.path());
        Some(SourceFile { version, location, sha256: None, requires_python: None })
    };
    entries.filter_map(source).collect()
}

/// Those on a page of an index.
pub(super) fn of_page(project: &str, page: Page) -> Vec<SourceFile> {
    let source = |file: PageFile| {
        let version = version_in(project, &file.name)?;
        let location = Location::Address(page.base.join(&file.address).ok()?);
        Some(SourceFile { version, location, sha256: file.sha256, requires_python: file.requires_python })
    };
    page.files.into_iter().take(MAXIMUM_FILES).filter(|file| !file.yanked).filter_map(source).collect()
}

/// One file a version: the first that was found, because origins come in the order of their strength.
pub(super) fn best(found: Vec<SourceFile>) -> Vec<SourceFile> {
    let mut versions = BTreeMap::new();
    for file in found {
        versions.entry(file.version.clone()).or_insert(file);
    }
    versions.into_values().collect()
}

/// The version in a file's name, if it is a source distribution of the project. Names may hold hyphens,
/// old versions too, so each hyphen is tried.
fn version_in(project: &str, file: &str) -> Option<Version> {
    let stem = FORMATS.iter().find_map(|format| file.strip_suffix(format))?;
    let cuts = stem.match_indices('-').map(|(at, _)| stem.split_at(at));
    let named = cuts.filter(|(name, _)| normalized(name) == project);
    named.filter_map(|(_, rest)| rest[1..].parse().ok()).next()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn version(project: &str, file: &str) -> Option<String> {
        version_in(project, file).map(|version| version.to_string())
    }

    #[test]
    fn only_source_distributions_of_the_project_count() {
        assert_eq!(version("zope-interface", "zope.interface-5.0.tar.gz").as_deref(), Some("5.0"));
        assert_eq!(version("a-b", "A_b-1.0.post1.zip").as_deref(), Some("1.0.post1"));
        for file in ["a-b-1.0-py3-none-any.whl", "a-1.0.tar.gz", "a-b-c-1.0.tar.gz", "a-b-x.tar.gz", "a-b-1.0.exe"] {
            assert_eq!(version("a-b", file), None, "{file}");
        }
    }

    #[test]
    fn yanked_files_are_left_out_and_addresses_are_made_whole() {
        let file = |name: &str, yanked| PageFile {
            name: name.to_owned(),
            address: format!("../../files/{name}"),
            sha256: None,
            requires_python: None,
            yanked,
        };
        let files = vec![file("a-1.tar.gz", false), file("a-2.tar.gz", true)];
        let found = of_page("a", Page { base: "https://index.test/simple/a/".parse().unwrap(), files });
        let address = Location::Address("https://index.test/files/a-1.tar.gz".parse().unwrap());
        assert_eq!(found.into_iter().map(|file| file.location).collect::<Vec<_>>(), [address]);
    }

    #[test]
    fn of_equal_versions_the_stronger_origin_wins() {
        let file = |path: &str| SourceFile {
            version: "1.0".parse().unwrap(),
            location: Location::File(path.into()),
            sha256: None,
            requires_python: None,
        };
        assert_eq!(best(vec![file("/a"), file("/b")]), [file("/a")]);
    }
}
