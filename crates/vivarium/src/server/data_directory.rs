//! The directory that holds everything a server keeps. One server at a time may use it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use vivarium_domain::id::NodeId;

use crate::configuration::Configuration;
use crate::fault::{Context, Fault, Outcome};

const DATABASE: &str = "vivarium.sqlite";
const LOCK: &str = "lock";
const NODE_ID: &str = "node-id";

/// The directory, which exists and belongs to its owner alone.
#[derive(Debug, Clone)]
pub(crate) struct DataDirectory(PathBuf);

/// Keeps other servers away as long as it lives; the kernel lets go of it however the process ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held for its drop")] File);

impl DataDirectory {
    /// The configured directory; made if it is not there.
    pub(crate) fn ensure(configuration: &Configuration) -> Outcome<Self> {
        let hint = "name a directory with `--data-dir`";
        let Some(path) = &configuration.server.data_dir else {
            return Err(Fault::new("cannot find a place for the data directory: there is no home directory").hint(hint));
        };
        let step = format!("cannot use the data directory `{}`", path.display());
        let path = std::path::absolute(path).context(&step).map_err(|fault| fault.hint(hint))?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.context(&step)
            .map_err(|fault| fault.hint("name another one with `--data-dir`, or correct its permissions"))?;
        check_mode(&path)?;
        Ok(Self(path))
    }

    /// Its absolute path.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The file of the database where no other is configured.
    pub(crate) fn database(&self) -> PathBuf {
        self.0.join(DATABASE)
    }

    /// Takes the directory for this process.
    ///
    /// # Errors
    /// If another server has it.
    pub(crate) fn lock(&self) -> Outcome<Lock> {
        let path = self.0.join(LOCK);
        let file = OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(&path);
        let file = file.context(format!("cannot open the lock file `{}`", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => {
                let message = format!("cannot use the data directory `{}`: another server uses it", self.0.display());
                Err(Fault::new(message).hint("stop the other server, or name another directory with `--data-dir`"))
            }
            Err(TryLockError::Error(error)) => Err(error).context(format!("cannot lock `{}`", path.display())),
        }
    }

    /// The id of the node, chosen when the directory was first used.
    pub(crate) fn node_id(&self) -> Outcome<NodeId> {
        let path = self.0.join(NODE_ID);
        let step = format!("cannot use the node id in `{}`", path.display());
        match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().context(step),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let id = NodeId::random();
                write_whole(&path, &id.to_string()).context(step)?;
                Ok(id)
            }
            Err(error) => Err(error).context(step),
        }
    }
}

/// Whoever may read the database may read everybody's results.
fn check_mode(path: &Path) -> Outcome<()> {
    let step = format!("cannot use the data directory `{}`", path.display());
    let metadata = fs::metadata(path).context(&step)?;
    if !metadata.is_dir() {
        return Err(Fault::new(format!("{step}: it is not a directory")).hint("name another one with `--data-dir`"));
    }
    let mode = metadata.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let permissions = fs::Permissions::from_mode(mode & 0o7700);
    fs::set_permissions(path, permissions).context(step).map_err(|fault| {
        fault.hint("other users must not have access to it: make it your own and run `chmod 700` on it")
    })
}

/// Writes a file that is there whole or not at all, also after a loss of power.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn directory(path: &Path) -> Outcome<DataDirectory> {
        let mut configuration = Configuration::default();
        configuration.server.data_dir = Some(path.to_owned());
        DataDirectory::ensure(&configuration)
    }

    #[test]
    fn a_fresh_directory_belongs_to_its_owner_alone_and_keeps_its_node_id() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("a/b");
        let data = directory(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(data.node_id().unwrap(), directory(&path).unwrap().node_id().unwrap());
    }

    #[test]
    fn two_servers_cannot_share_a_directory() {
        let base = tempfile::tempdir().unwrap();
        let data = directory(base.path()).unwrap();
        let lock = data.lock().unwrap();
        assert!(data.lock().is_err());
        drop(lock);
        assert!(data.lock().is_ok());
    }

    #[test]
    fn a_file_is_no_directory() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(directory(file.path()).is_err());
    }
}
