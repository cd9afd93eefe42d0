//! Keeps moves into v1 cgroups quick while instances are being made.
//!
//! The kernel lets a move wait for everybody who forks or ends at that moment. The first move after a pause waits for a
//! whole grace period of RCU, 8 to 30 ms; those that follow before the next grace period do not (`percpu_down_write` and
//! `rcu_sync` of the kernel). So for a little while after each instance, a thread moves the server to where it is
//! already, which changes nothing but keeps that period from coming.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::files;
use super::layout::{Driver, Layout};

/// Shorter than a grace period.
const PAUSE: Duration = Duration::from_millis(8);
/// How long after the last instance.
const LASTING: Duration = Duration::from_secs(2);
/// How often an idle thread looks whether its sandbox is gone.
const LOOK: Duration = Duration::from_secs(5);

/// The way to the thread. It ends with the last handle.
pub(crate) struct Quick {
    until: Mutex<Instant>,
    wake: Condvar,
}

impl Quick {
    /// `None` where there is no v1 hierarchy.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub(crate) fn start(layout: &Layout) -> std::io::Result<Option<Arc<Self>>> {
        let Some(hierarchy) = layout.hierarchies.iter().find(|hierarchy| hierarchy.driver == Driver::V1) else {
            return Ok(None);
        };
        let own = hierarchy.mount.join(&hierarchy.own);
        let quick = Arc::new(Self { until: Mutex::new(Instant::now()), wake: Condvar::new() });
        let weak = Arc::downgrade(&quick);
        std::thread::Builder::new().name("sandbox-cgroups".to_owned()).spawn(move || work(&weak, &own))?;
        Ok(Some(quick))
    }

    /// An instance is being made.
    pub(crate) fn note(&self) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + LASTING;
        self.wake.notify_one();
    }

    /// Whether moves shall be quick now; waits a while for that.
    fn is_wanted(&self) -> bool {
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if *until > Instant::now() {
            return true;
        }
        let (until, _) = self.wake.wait_timeout(until, LOOK).unwrap_or_else(PoisonError::into_inner);
        *until > Instant::now()
    }
}

fn work(quick: &Weak<Quick>, own: &Path) {
    while let Some(quick) = quick.upgrade() {
        if !quick.is_wanted() {
            continue;
        }
        drop(quick);
        if let Err(error) = files::write(own, "cgroup.procs", std::process::id()) {
            // Without it things are slower, and nothing else.
            tracing::debug!(%error, "moves into cgroups cannot be kept quick");
            return;
        }
        std::thread::sleep(PAUSE);
    }
}
