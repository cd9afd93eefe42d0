//! The environments on disk, and who uses them.
//!
//! ```text
//! environments/
//!   <64 hexadecimal digits>/     an environment; appears by one rename and never changes
//!     tree/                      the installed packages, what instances see
//!     lock.txt                   what it was made from
//!     environment.json           the marker, written last; without it the directory is not used
//!   .staging/                    what is being built; emptied at start
//!   .resolutions/                what resolved to which environment
//! ```

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::tree;

const MARKER: &str = "environment.json";

/// What the marker says, for people.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Marker {
    pub(super) python: String,
    pub(super) executable: PathBuf,
    pub(super) bytes: u64,
}

#[derive(Debug, Default)]
struct Use {
    leases: usize,
    found: Option<Instant>,
}

/// All environments of this node.
#[derive(Debug)]
pub(crate) struct Shelf {
    root: PathBuf,
    uses: Mutex<HashMap<String, Use>>,
}

/// Keeps an environment from being collected while it is held.
#[derive(Debug)]
pub(crate) struct Lease {
    shelf: Arc<Shelf>,
    id: String,
}

impl Lease {
    /// The directory of packages.
    pub(crate) fn tree(&self) -> PathBuf {
        self.shelf.root.join(&self.id).join("tree")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut uses = self.shelf.uses();
        if let Some(usage) = uses.get_mut(&self.id) {
            usage.leases -= 1;
        }
    }
}

impl Shelf {
    /// Opens the directory and removes what interrupted builds left in it.
    pub(super) fn open(root: PathBuf) -> io::Result<Self> {
        let staging = root.join(".staging");
        if staging.exists() {
            tree::remove(&staging)?;
        }
        for directory in [&staging, &root.join(".resolutions")] {
            fs::create_dir_all(directory)?;
        }
        for entry in fs::read_dir(&root)? {
            let path = entry?.path();
            let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if !is_hidden && path.is_dir() && !path.join(MARKER).is_file() {
                tree::remove(&path)?;
            }
        }
        Ok(Self { root, uses: Mutex::default() })
    }

    pub(super) fn resolutions(&self) -> PathBuf {
        self.root.join(".resolutions")
    }

    /// A directory for a build, removed when it is dropped.
    pub(super) fn staging(&self) -> io::Result<TempDir> {
        tempfile::Builder::new().prefix("build-").tempdir_in(self.root.join(".staging"))
    }

    /// Whether the environment is there whole.
    pub(crate) fn has(&self, id: &str) -> bool {
        is_id(id) && self.root.join(id).join(MARKER).is_file()
    }

    /// The same, and keeps it from being collected for a while.
    pub(super) fn find(&self, id: &str) -> bool {
        let mut uses = self.uses();
        let there = self.has(id);
        if there {
            uses.entry(id.to_owned()).or_default().found = Some(Instant::now());
        }
        there
    }

    /// Holds the environment, if it is there.
    pub(crate) fn lease(self: &Arc<Self>, id: &str) -> Option<Lease> {
        let mut uses = self.uses();
        if !self.has(id) {
            return None;
        }
        uses.entry(id.to_owned()).or_default().leases += 1;
        Some(Lease { shelf: Arc::clone(self), id: id.to_owned() })
    }

    /// Puts what was built in `staging` (its `tree` sealed already) on the shelf: everything reaches the disk
    /// before the marker, the marker before the name. Somebody may have been faster with the same content.
    pub(super) fn put(&self, staging: &TempDir, id: &str, lock: &str, marker: &Marker) -> io::Result<()> {
        fs::write(staging.path().join("lock.txt"), lock)?;
        rustix::fs::syncfs(File::open(staging.path())?)?;
        let mut file = File::create(staging.path().join(MARKER))?;
        file.write_all(&serde_json::to_vec_pretty(marker)?)?;
        file.sync_all()?;
        File::open(staging.path())?.sync_all()?;
        let renamed = fs::rename(staging.path(), self.root.join(id));
        if !self.find(id) {
            renamed?;
        }
        File::open(&self.root)?.sync_all()
    }

    /// Removes what nobody needs, uses or has found within `grace`; how many.
    pub(super) fn collect(&self, needed: &BTreeSet<String>, grace: Duration) -> io::Result<usize> {
        let waste = self.staging()?;
        let mut count = 0;
        for entry in fs::read_dir(&self.root)? {
            let name = entry?.file_name().into_string().unwrap_or_default();
            if is_id(&name) && !needed.contains(&name) && self.take_away(&name, grace, waste.path())? {
                count += 1;
            }
        }
        tree::remove(waste.path())?;
        Ok(count)
    }

    /// The rename under the lock decides; the removal takes its time afterwards.
    fn take_away(&self, id: &str, grace: Duration, waste: &Path) -> io::Result<bool> {
        let mut uses = self.uses();
        let is_used = |usage: &Use| usage.leases > 0 || usage.found.is_some_and(|found| found.elapsed() < grace);
        if uses.get(id).is_some_and(is_used) {
            return Ok(false);
        }
        fs::rename(self.root.join(id), waste.join(id))?;
        uses.remove(id);
        Ok(true)
    }

    /// Every change is whole before the lock is let go, so a poisoned one is as good.
    fn uses(&self) -> MutexGuard<'_, HashMap<String, Use>> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ids come back from a database; nothing but an id may become a path.
fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn id(digit: char) -> String {
        digit.to_string().repeat(64)
    }

    fn put(shelf: &Shelf, id: &str) {
        let staging = shelf.staging().unwrap();
        fs::create_dir(staging.path().join("tree")).unwrap();
        let marker = Marker { python: "3.11.2".to_owned(), executable: "/usr/bin/python3".into(), bytes: 0 };
        shelf.put(&staging, id, "", &marker).unwrap();
    }

    #[test]
    fn only_whole_environments_are_there_and_only_ids_are_names() {
        let root = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(root.path().to_owned()).unwrap();
        put(&shelf, &id('a'));
        put(&shelf, &id('a'));
        fs::create_dir(root.path().join(id('b'))).unwrap();
        assert!(shelf.has(&id('a')) && !shelf.has(&id('b')) && !shelf.has("../x") && !shelf.has(""));
    }

    #[test]
    fn what_an_interrupted_build_left_is_gone_after_the_next_start() {
        let root = tempfile::tempdir().unwrap();
        put(&Shelf::open(root.path().to_owned()).unwrap(), &id('a'));
        fs::create_dir_all(root.path().join(".staging/build-x/tree")).unwrap();
        fs::create_dir_all(root.path().join(id('b')).join("tree")).unwrap();
        tree::seal(&root.path().join(".staging/build-x")).unwrap();
        let shelf = Shelf::open(root.path().to_owned()).unwrap();
        assert!(shelf.has(&id('a')) && !root.path().join(id('b')).exists());
        assert_eq!(fs::read_dir(root.path().join(".staging")).unwrap().count(), 0);
    }

    #[test]
    fn what_is_needed_used_or_just_found_stays() {
        let root = tempfile::tempdir().unwrap();
        let shelf = Arc::new(Shelf::open(root.path().to_owned()).unwrap());
        for digit in ['a', 'b', 'c'] {
            put(&shelf, &id(digit));
        }
        let lease = shelf.lease(&id('b')).unwrap();
        let needed = BTreeSet::from([id('a')]);
        assert_eq!(shelf.collect(&needed, Duration::from_secs(600)).unwrap(), 0, "all were just made");
        assert_eq!(shelf.collect(&needed, Duration::ZERO).unwrap(), 1);
        assert!(shelf.has(&id('a')) && shelf.has(&id('b')) && !shelf.has(&id('c')));
        drop(lease);
        assert_eq!(shelf.collect(&needed, Duration::ZERO).unwrap(), 1);
        assert!(shelf.lease(&id('b')).is_none());
        assert_eq!(fs::read_dir(root.path().join(".staging")).unwrap().count(), 0);
    }
}
