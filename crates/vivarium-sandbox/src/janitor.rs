//! Ends instances and clears up after them, on a thread of its own: the answer to the user does not
//! wait for the corpse, and no drop has to block.

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Child;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::sync::watch;

use crate::cgroup::{Group, Parent};
use crate::ids::Lease;
use crate::instance::Instance;

/// All that must be ended and freed for one instance. Dropping it hands it to the janitor.
pub(crate) struct Body {
    pub(crate) name: String,
    pub(crate) group: Group,
    pub(crate) lease: Option<Lease>,
    pub(crate) launcher: Option<Child>,
    /// A pidfd of pid 1; `None` while no untrusted code can have run.
    pub(crate) init: Option<Arc<OwnedFd>>,
    is_zygote: bool,
    /// It has done its work; whoever waits for its result comes first.
    pub(crate) finished: bool,
    /// Of a forked one: what it is a child of, which must outlive it.
    pub(crate) keeper: Option<Arc<Instance>>,
    /// Dropped when the instance is wholly gone.
    departure: watch::Sender<()>,
    janitor: Janitor,
}

/// The way to the thread. It ends with the last handle.
#[derive(Clone)]
pub(crate) struct Janitor {
    corpses: Sender<Corpse>,
    live: Arc<watch::Sender<Living>>,
}

/// How many are not wholly gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Living {
    pub(crate) instances: usize,
    /// They live until nobody needs them, not until they have done something.
    pub(crate) zygotes: usize,
}

impl Living {
    fn count(&mut self, is_zygote: bool) -> &mut usize {
        if is_zygote { &mut self.zygotes } else { &mut self.instances }
    }
}

/// A body whose owner is done with it.
struct Corpse {
    name: String,
    group: Group,
    launcher: Option<Child>,
    init: Option<Arc<OwnedFd>>,
    _keeper: Option<Arc<Instance>>,
    is_zygote: bool,
    /// No untrusted code ever ran.
    never_announced: bool,
    tries: u32,
    rests_until: Option<Instant>,
    /// Freed only when all before is gone.
    _lease: Option<Lease>,
    departure: watch::Sender<()>,
}

/// How long one corpse may hold up the others before it has to queue again.
const PATIENCE: Duration = Duration::from_millis(20);
/// Between rounds over corpses that the kernel still holds.
const ROUND: Duration = Duration::from_millis(5);
/// How long the end of one that has done its work may be put off.
const REST: Duration = Duration::from_millis(4);
/// A launcher whose instance is gone and that stays nevertheless is stuck.
const KILL_LAUNCHER_AFTER_TRIES: u32 = 10;
/// A corpse that is still there after so many tries is worth a word in the log.
const LOUD_AFTER_TRIES: u32 = 200;

impl Janitor {
    /// # Errors
    /// When the system gives no more threads.
    pub(crate) fn start(parent: Arc<Parent>) -> std::io::Result<Self> {
        let (corpses, queue) = channel();
        let live = Arc::new(watch::Sender::new(Living::default()));
        let count = Arc::clone(&live);
        std::thread::Builder::new().name("sandbox-janitor".to_owned()).spawn(move || {
            work(&queue, &count);
            parent.remove();
        })?;
        Ok(Self { corpses, live })
    }

    pub(crate) fn live(&self) -> watch::Receiver<Living> {
        self.live.subscribe()
    }

    /// Counts the instance as live until it is wholly gone.
    pub(crate) fn body(&self, name: String, group: Group, lease: Option<Lease>, is_zygote: bool) -> Body {
        self.live.send_modify(|live| *live.count(is_zygote) += 1);
        Body {
            name,
            group,
            lease,
            launcher: None,
            init: None,
            is_zygote,
            finished: false,
            keeper: None,
            departure: watch::Sender::new(()),
            janitor: self.clone(),
        }
    }
}

impl Body {
    /// Closes when the instance is wholly gone.
    pub(crate) fn departure(&self) -> watch::Receiver<()> {
        self.departure.subscribe()
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(init) = self.init.as_ref().filter(|_| !self.finished) {
            kill(init);
        }
        let corpse = Corpse {
            name: std::mem::take(&mut self.name),
            group: std::mem::take(&mut self.group),
            launcher: self.launcher.take(),
            never_announced: self.init.is_none(),
            init: self.init.take(),
            _keeper: self.keeper.take(),
            is_zygote: self.is_zygote,
            tries: 0,
            rests_until: self.finished.then(|| Instant::now() + REST),
            _lease: self.lease.take(),
            departure: std::mem::take(&mut self.departure),
        };
        // The thread outlives every sender.
        let _never_fails = self.janitor.corpses.send(corpse);
    }
}

/// Idempotent: the dead do not mind.
pub(crate) fn kill(pidfd: impl AsFd) {
    let _gone_already = pidfd_send_signal(pidfd, Signal::KILL);
}

fn work(queue: &Receiver<Corpse>, live: &watch::Sender<Living>) {
    let mut waiting = VecDeque::new();
    loop {
        let next = if waiting.is_empty() {
            queue.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            queue.recv_timeout(ROUND)
        };
        match next {
            Ok(corpse) => waiting.push_back(corpse),
            Err(RecvTimeoutError::Disconnected) if waiting.is_empty() => return,
            Err(_) => {}
        }
        waiting.extend(queue.try_iter());
        for _ in 0..waiting.len() {
            if let Some(corpse) = waiting.pop_front().and_then(|corpse| bury(corpse, live)) {
                waiting.push_back(corpse);
            }
        }
    }
}

/// Gives the corpse back when the kernel still holds some of it.
fn bury(mut corpse: Corpse, live: &watch::Sender<Living>) -> Option<Corpse> {
    if corpse.rests_until.is_some_and(|until| Instant::now() < until) {
        return Some(corpse);
    }
    if corpse.is_gone() {
        let (is_zygote, departure) = (corpse.is_zygote, std::mem::take(&mut corpse.departure));
        drop(corpse);
        live.send_modify(|live| *live.count(is_zygote) -= 1);
        // Whoever waited for it finds it counted out.
        drop(departure);
        return None;
    }
    corpse.tries += 1;
    if corpse.tries == LOUD_AFTER_TRIES {
        tracing::warn!(instance = corpse.name, "a killed instance does not go away");
    }
    Some(corpse)
}

impl Corpse {
    /// In the order of who holds whom: pid 1 with its namespace, the launcher, the cgroups.
    fn is_gone(&mut self) -> bool {
        self.init_is_gone() && self.launcher_is_gone() && self.group_is_gone()
    }

    fn init_is_gone(&mut self) -> bool {
        let Some(init) = &self.init else {
            return true;
        };
        kill(init);
        if !wait_exited(init) {
            return false;
        }
        self.init = None;
        true
    }

    /// It takes pid 1 out of the process table and leaves by itself; killing it at once would leave
    /// a zombie with the instance's id to the host's init. Without a pid 1 there is nothing that it
    /// could be busy with.
    fn launcher_is_gone(&mut self) -> bool {
        let Some(launcher) = &mut self.launcher else {
            return true;
        };
        if self.tries > KILL_LAUNCHER_AFTER_TRIES || self.never_announced {
            let _gone_already = launcher.kill();
        }
        if !child_exited(launcher) {
            return false;
        }
        self.launcher = None;
        true
    }

    /// Whoever is still inside was never announced, and runs nothing yet.
    fn group_is_gone(&mut self) -> bool {
        if self.group.remove() {
            return true;
        }
        self.group.kill();
        self.group.remove()
    }
}

/// Reaps the launcher. The pid is still ours: nobody else may reap it.
fn child_exited(child: &mut Child) -> bool {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(pidfd) = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) {
        wait_exited(&pidfd);
    }
    !matches!(child.try_wait(), Ok(None))
}

/// A pidfd becomes readable when the process is a zombie or gone; for a pid 1 that is after all
/// others of its namespace, `pid_namespaces(7)`.
fn wait_exited(pidfd: &OwnedFd) -> bool {
    let timeout = Timespec { tv_sec: 0, tv_nsec: PATIENCE.subsec_nanos().into() };
    let mut watched = [PollFd::new(pidfd, PollFlags::IN)];
    matches!(poll(&mut watched, Some(&timeout)), Ok(1))
}
