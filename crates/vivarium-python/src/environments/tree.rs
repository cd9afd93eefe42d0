//! Directories of installed packages: sealed once, then never changed.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Takes away every right to write, lets everyone read (an instance has a user id of its own, and the server's
/// umask may be strict), and returns the bytes of all files.
pub(crate) fn seal(path: &Path) -> io::Result<u64> {
    let found = fs::symlink_metadata(path)?;
    if found.is_symlink() {
        return Ok(0);
    }
    if !found.is_dir() {
        let execute = if found.permissions().mode() & 0o100 == 0 { 0 } else { 0o111 };
        fs::set_permissions(path, Permissions::from_mode(0o444 | execute))?;
        return Ok(found.len());
    }
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        bytes += seal(&entry?.path())?;
    }
    fs::set_permissions(path, Permissions::from_mode(0o555))?;
    Ok(bytes)
}

/// Removes a tree even if it is sealed. Only for trees that no instance could ever write to.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match make_writable(path).and_then(|()| fs::remove_dir_all(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn make_writable(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_writable(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_sealed_tree_is_readable_by_all_writable_by_none_and_can_be_removed() {
        let root = tempfile::tempdir().unwrap();
        let tree = root.path().join("tree");
        fs::create_dir_all(tree.join("package/deep")).unwrap();
        fs::write(tree.join("package/module.py"), "12345").unwrap();
        fs::write(tree.join("package/deep/program"), "123").unwrap();
        fs::set_permissions(tree.join("package/deep/program"), Permissions::from_mode(0o700)).unwrap();
        fs::set_permissions(tree.join("package/module.py"), Permissions::from_mode(0o6600)).unwrap();
        assert_eq!(seal(&tree).unwrap(), 8);
        assert_eq!(mode(&tree.join("package")), 0o555);
        assert_eq!(mode(&tree.join("package/module.py")), 0o444);
        assert_eq!(mode(&tree.join("package/deep/program")), 0o555);
        remove(&tree).unwrap();
        assert!(!tree.exists());
        remove(&tree).unwrap();
    }
}
