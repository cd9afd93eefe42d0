//! Descriptors in the async runtime.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::io::unix::AsyncFd;

/// Must be called within a tokio runtime with IO enabled.
pub(crate) fn watch_readiness(descriptor: Arc<OwnedFd>) -> io::Result<AsyncFd<Arc<OwnedFd>>> {
    // SAFETY: an `OwnedFd` behind an `Arc` cannot be closed or replaced while the `AsyncFd` holds
    // its share, and always tells the same descriptor.
    Ok(unsafe { AsyncFd::register(descriptor)? })
}
