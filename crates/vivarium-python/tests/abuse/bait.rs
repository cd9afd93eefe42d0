//! Files of the host that must not change, whoever they are offered to.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Things of every kind that whoever finds them may write to, in a directory that is open to all.
pub(crate) struct Bait {
    directory: TempDir,
    before: String,
}

impl Bait {
    pub(crate) fn lay() -> Self {
        // Not in /tmp: a script has a directory of that name of its own.
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let top = directory.path();
        std::fs::create_dir(top.join("directory")).unwrap();
        for name in ["file", "directory/file"] {
            std::fs::write(top.join(name), name).unwrap();
            std::fs::set_permissions(top.join(name), PermissionsExt::from_mode(0o666)).unwrap();
        }
        for name in [top.to_owned(), top.join("directory")] {
            std::fs::set_permissions(name, PermissionsExt::from_mode(0o777)).unwrap();
        }
        let before = digest(top);
        Self { directory, before }
    }

    pub(crate) fn path(&self) -> &str {
        self.directory.path().to_str().unwrap()
    }

    pub(crate) fn assert_untouched(&self) {
        assert_eq!(digest(self.directory.path()), self.before, "a file of the host was changed");
    }
}

/// Names, kinds, owners, modes, times and contents of everything below a directory.
pub(crate) fn digest(top: &Path) -> String {
    let mut hash = Sha256::new();
    for path in below(top) {
        let about = path.symlink_metadata().unwrap();
        hash.update(path.as_os_str().as_encoded_bytes());
        let numbers = [about.ino(), u64::from(about.mode()), u64::from(about.uid()), about.nlink(), about.size()];
        hash.update(format!("{numbers:?} {} {}", about.mtime_nsec(), about.ctime_nsec()));
        if about.is_file() {
            hash.update(std::fs::read(&path).unwrap());
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn below(top: &Path) -> Vec<PathBuf> {
    let mut found = vec![top.to_owned()];
    let mut next = 0;
    while next < found.len() {
        let path = found[next].clone();
        if path.symlink_metadata().unwrap().is_dir() {
            let mut inside: Vec<_> = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
            inside.sort();
            found.extend(inside);
        }
        next += 1;
    }
    found
}
