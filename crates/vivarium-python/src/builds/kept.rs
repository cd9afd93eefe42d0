//! Wheels that were built, kept for the next time.
//!
//! ```text
//! wheels/
//!   <64 hexadecimal digits>/     of source distribution, interpreter and the way of building
//!     <one>.whl                  appears by one rename with its directory, and never changes
//! ```

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::environments::remove_tree;

/// A directory for files on the way, removed when it is dropped.
#[derive(Debug)]
pub(super) struct Work(TempDir);

impl Work {
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Work {
    /// Installed build requirements in it are sealed, which an ordinary user could not remove just so.
    fn drop(&mut self) {
        if let Err(error) = remove_tree(self.0.path()) {
            tracing::warn!(%error, "cannot remove what a build from source has left; the next start tries again");
        }
    }
}

/// The directory of built wheels.
#[derive(Debug)]
pub(super) struct Kept {
    root: PathBuf,
}

impl Kept {
    /// Makes the directory, and removes what interrupted builds left in it.
    pub(super) fn open(root: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        for entry in fs::read_dir(&root)? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
                remove_tree(&path)?;
            }
        }
        Ok(Self { root })
    }

    /// A directory for files on the way.
    pub(super) fn work(&self) -> io::Result<Work> {
        tempfile::Builder::new().prefix(".build-").tempdir_in(&self.root).map(Work)
    }

    /// The directory of the wheel, if it was built before.
    pub(super) fn find(&self, key: &str) -> Option<PathBuf> {
        let directory = self.root.join(key);
        directory.is_dir().then_some(directory)
    }

    /// Keeps a wheel under a name that was checked; its directory.
    pub(super) fn put(&self, key: &str, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let work = self.work()?;
        write(&work.path().join(name), bytes)?;
        fs::set_permissions(work.path(), Permissions::from_mode(0o700))?;
        fs::File::open(work.path())?.sync_all()?;
        let directory = self.root.join(key);
        match fs::rename(work.path(), &directory) {
            // Somebody was faster with the same.
            Err(error) if !directory.is_dir() => Err(error),
            _ => Ok(directory),
        }
    }
}

/// Writes a file that everyone may read, because an instance has a user id of its own.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create_new(path)?;
    file.write_all(bytes)?;
    file.set_permissions(Permissions::from_mode(0o444))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_kept_is_found_and_what_was_begun_is_gone() {
        let root = tempfile::tempdir().unwrap();
        let kept = Kept::open(root.path().to_owned()).unwrap();
        assert_eq!(kept.find("a"), None);
        let directory = kept.put("a", "x.whl", b"1").unwrap();
        assert_eq!(kept.put("a", "x.whl", b"2").unwrap(), directory);
        assert_eq!(kept.find("a"), Some(directory.clone()));
        assert_eq!(fs::read(directory.join("x.whl")).unwrap(), b"1");
        let left = root.path().join(".build-x/tree");
        fs::create_dir_all(&left).unwrap();
        crate::environments::seal_tree(&left).unwrap();
        Kept::open(root.path().to_owned()).unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
