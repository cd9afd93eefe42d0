//! Makes places in the new tree, and never leaves it: no link is followed on the way.

use std::ffi::OsStr;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags, fchmod, mkdirat, openat2};
use rustix::io::Errno;

use super::{DIRECTORY_MODE, PLACE, Tree, fault};
use crate::error::Fault;
use crate::launcher::rules::Right;

const RESOLVE: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// Opens a directory, making it and those above it where they are missing.
pub(super) fn directory(tree: &Tree, target: &Path) -> Result<OwnedFd, Fault> {
    let step = |errno| fault("make the directory", errno).about(target.display());
    let mut place = rustix::io::fcntl_dupfd_cloexec(&tree.root, 0).map_err(step)?;
    for name in target.components().skip(1) {
        place = enter(&place, name.as_os_str()).map_err(step)?;
    }
    Ok(place)
}

fn enter(place: &OwnedFd, name: &OsStr) -> rustix::io::Result<OwnedFd> {
    let open = || openat2(place, name, PLACE, Mode::empty(), RESOLVE);
    match open() {
        Err(Errno::NOENT) => {
            mkdirat(place, name, DIRECTORY_MODE)?;
            open()
        }
        opened => opened,
    }
}

/// The directory above `target` and the last name of it.
pub(super) fn parent<'a>(tree: &Tree, target: &'a Path) -> Result<(OwnedFd, &'a OsStr), Fault> {
    let above = target.parent().unwrap_or(Path::new("/"));
    let name = target.file_name().unwrap_or_default();
    Ok((directory(tree, above)?, name))
}

pub(super) fn file(tree: &Tree, target: &Path, contents: &str, mode: u32) -> Result<(), Fault> {
    let step = |errno| fault("make the file", errno).about(target.display());
    let file = create(tree, target).and_then(|made| made.map_err(step))?;
    let mut file = std::fs::File::from(file);
    file.write_all(contents.as_bytes())
        .map_err(|error| fault("write the file", Errno::IO).about(target.display()).io(&error))?;
    fchmod(&file, Mode::from_raw_mode(mode)).map_err(step)?;
    tree.allow(&file, Right::Read)
}

/// A place to mount a file on; one that is there already is as good.
pub(super) fn empty_file(tree: &Tree, target: &Path) -> Result<OwnedFd, Fault> {
    let step = |errno| fault("make the mount point", errno).about(target.display());
    match create(tree, target)? {
        Ok(_) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(step(errno)),
    }
    let (above, name) = parent(tree, target)?;
    let how = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat2(&above, name, how, Mode::empty(), RESOLVE).map_err(step)
}

/// Opens what is there, as a mere place.
pub(super) fn there(tree: &Tree, target: &Path) -> Result<OwnedFd, Fault> {
    let below = target.strip_prefix("/").unwrap_or(target);
    let how = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat2(&tree.root, below, how, Mode::empty(), RESOLVE)
        .map_err(|errno| fault("open", errno).about(target.display()))
}

fn create(tree: &Tree, target: &Path) -> Result<rustix::io::Result<OwnedFd>, Fault> {
    let (above, name) = parent(tree, target)?;
    let how = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let made = openat2(above.as_fd(), name, how, Mode::RUSR, RESOLVE);
    Ok(made)
}
