//! The outcome of a resolution: every package with its version and the hashes of its files.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// A lock in the format of a requirements file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lock {
    text: String,
    /// Directories of wheels that no index has.
    links: Vec<PathBuf>,
}

impl Lock {
    pub(crate) fn new(text: String) -> Self {
        Self { text, links: Vec::new() }
    }

    /// The same, with directories of wheels that it also names.
    pub(crate) fn with_links(self, links: Vec<PathBuf>) -> Self {
        Self { links, ..self }
    }

    pub(super) fn links(&self) -> &[PathBuf] {
        &self.links
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Versions by normalised name.
    pub(crate) fn versions(&self) -> BTreeMap<String, String> {
        self.text.lines().filter_map(pinned).collect()
    }
}

fn pinned(line: &str) -> Option<(String, String)> {
    let (name, rest) = line.split_once("==").filter(|_| !line.starts_with([' ', '#', '-']))?;
    let version = rest.split([' ', ';', '\\']).next()?;
    let name = name.split('[').next()?;
    Some((name.trim().to_owned(), version.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_lock() {
        let text = "# a comment==1\nidna==3.7 \\\n    --hash=sha256:ab==\nrequests[socks]==2.31.0\nsix==1.16.0 ; x\n";
        let versions = Lock::new(text.to_owned()).versions();
        let expected = [("idna", "3.7"), ("requests", "2.31.0"), ("six", "1.16.0")];
        assert_eq!(versions, expected.map(|(name, version)| (name.to_owned(), version.to_owned())).into());
    }
}
