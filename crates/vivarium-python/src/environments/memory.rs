//! What resolved once is remembered, so that the same packages need no work again.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use vivarium_domain::runtime::PackageStatus;

/// What became of one requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fate {
    pub(super) status: PackageStatus,
    pub(super) version: Option<String>,
    pub(super) message: Option<String>,
}

/// What became of a list of requirements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Resolution {
    pub(super) environment: String,
    pub(super) complete: bool,
    /// Each requirement with its fate, in the order of the definition.
    pub(super) fates: Vec<(String, Fate)>,
}

impl Resolution {
    /// The fates in the order of `requirements`. Where something is missing the order decided what,
    /// so another order is another question.
    pub(super) fn fates_of(&self, requirements: &[String]) -> Option<Vec<Fate>> {
        if !self.complete && !self.fates.iter().map(|(requirement, _)| requirement).eq(requirements) {
            return None;
        }
        let fate = |wanted: &String| self.fates.iter().find(|(one, _)| one == wanted).map(|(_, fate)| fate.clone());
        requirements.iter().map(fate).collect()
    }
}

/// Resolutions on disk, one small file each.
#[derive(Debug)]
pub(super) struct Memory {
    directory: PathBuf,
}

impl Memory {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// A broken or missing file is nothing remembered.
    pub(super) fn recall(&self, key: &str) -> Option<Resolution> {
        serde_json::from_slice(&fs::read(self.path(key)).ok()?).ok()
    }

    /// Losing one costs time only, so it is not forced to the disk.
    pub(super) fn keep(&self, key: &str, resolution: &Resolution) {
        let write = || -> io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
            file.write_all(&serde_json::to_vec(resolution)?)?;
            file.persist(self.path(key))?;
            Ok(())
        };
        if let Err(error) = write() {
            tracing::warn!(%error, "cannot remember a resolution");
        }
    }

    pub(super) fn forget(&self, key: &str) {
        // Fails only where it was forgotten already; a stale record is checked before use anyway.
        let _ = fs::remove_file(self.path(key));
    }

    fn path(&self, key: &str) -> PathBuf {
        self.directory.join(Path::new(key).with_extension("json"))
    }
}

/// SHA-256 over texts, each with its length so that no two lists read the same.
pub(super) fn digest<'text>(texts: impl IntoIterator<Item = &'text str>) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update(text.len().to_le_bytes());
        hasher.update(text);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn resolution(complete: bool) -> Resolution {
        let fate =
            |version: &str| Fate { status: PackageStatus::Installed, version: Some(version.to_owned()), message: None };
        let fates = vec![("a".to_owned(), fate("1")), ("b".to_owned(), fate("2"))];
        Resolution { environment: "e".to_owned(), complete, fates }
    }

    #[test]
    fn what_is_kept_is_recalled_and_what_is_broken_is_not() {
        let root = tempfile::tempdir().unwrap();
        let memory = Memory::new(root.path().to_owned());
        memory.keep("k", &resolution(true));
        assert_eq!(memory.recall("k"), Some(resolution(true)));
        fs::write(root.path().join("k.json"), "{").unwrap();
        assert_eq!(memory.recall("k"), None);
        memory.forget("k");
        assert!(!root.path().join("k.json").exists());
    }

    #[test]
    fn order_matters_only_where_something_is_missing() {
        let swapped = ["b".to_owned(), "a".to_owned()];
        let versions: Vec<_> =
            resolution(true).fates_of(&swapped).unwrap().into_iter().map(|fate| fate.version).collect();
        assert_eq!(versions, [Some("2".to_owned()), Some("1".to_owned())]);
        assert_eq!(resolution(false).fates_of(&swapped), None);
        assert!(resolution(false).fates_of(&["a".to_owned(), "b".to_owned()]).is_some());
    }

    #[test]
    fn lists_that_join_alike_differ() {
        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
        assert_eq!(digest(["a"]).len(), 64);
    }
}
