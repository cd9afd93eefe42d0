//! One running instance, in the hands of the server.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

use crate::cgroup::Usage;
use crate::error::SandboxError;
use crate::janitor::{self, Body};
use crate::layer::Layer;
use crate::spawn::Started;
use crate::sys;
use crate::wire::Ended;

/// The server's ends of what the instance holds as 1, 2 and 3; all nonblocking, close-on-exec.
#[derive(Debug)]
pub struct Pipes {
    /// The reading end of descriptor 1.
    pub stdout: OwnedFd,
    /// The reading end of descriptor 2.
    pub stderr: OwnedFd,
    /// The other end of descriptor 3, a Unix stream socket. What comes out of it is hostile input.
    pub control: OwnedFd,
}

/// How the first process ended; all others end with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// It called `exit` with this code.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

/// The end of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// How the first process ended.
    pub status: ExitStatus,
    /// The memory limit was the reason. On cgroup v1 that holds even if the limit was only reached
    /// by a process other than the first: the whole instance is ended then.
    pub oom_killed: bool,
    /// A fork or thread was refused at least once because of the process limit.
    pub process_limit_hit: bool,
    /// [`Instance::kill`] or a [`Killer`] asked for it, though it may have come too late.
    pub killed: bool,
    /// User and system time. From the cgroup where the host counts that (v2, v1 with cpuacct);
    /// else as told by `wait4(2)`, which misses children that were never waited for.
    pub cpu_micros: Option<u64>,
    /// The most memory used at once, page cache and scratch space included; `None` without a
    /// memory cgroup, or on kernels before 5.19 with v2.
    pub peak_memory_bytes: Option<u64>,
}

/// What an instance used up until [`Instance::finish`]; the fields are as in [`Exit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The memory limit ended one of its processes.
    pub oom_killed: bool,
    /// A fork or thread was refused.
    pub process_limit_hit: bool,
    /// User and system time; `None` where no cgroup counts it.
    pub cpu_micros: Option<u64>,
    /// The most memory used at once.
    pub peak_memory_bytes: Option<u64>,
}

/// Kills one instance from anywhere; cheap to clone. Holding it keeps nothing alive.
#[derive(Clone)]
pub struct Killer {
    init: Arc<OwnedFd>,
    asked: Arc<AtomicBool>,
}

impl Killer {
    /// Kills the first process and, by the kernel, everyone in its pid namespace. Idempotent.
    pub fn kill(&self) {
        self.asked.store(true, Ordering::Relaxed);
        janitor::kill(&self.init);
    }
}

/// Tells when one instance is wholly gone. Holding it keeps nothing alive.
pub struct Departure(watch::Receiver<()>);

impl Departure {
    /// Waits until no process, cgroup or id of the instance is left. Does not end it.
    pub async fn wait(mut self) {
        // Nothing is ever sent: the other end goes with the instance.
        while self.0.changed().await.is_ok() {}
    }
}

/// A running instance. Dropping it kills everyone inside; the clean-up goes on in the background.
pub struct Instance {
    name: String,
    host_uid: Option<u32>,
    missing: Vec<Layer>,
    killer: Killer,
    departure: watch::Receiver<()>,
    pipes: Option<Pipes>,
    exit: Option<Exit>,
    /// `None` once the exit is known.
    running: Option<Running>,
}

struct Running {
    /// First, so that a drop kills before it closes the channel.
    body: Body,
    channel: AsyncFd<Arc<OwnedFd>>,
}

impl Instance {
    /// Must be called within a tokio runtime with IO enabled.
    pub(crate) fn new(started: Started) -> Result<Self, SandboxError> {
        let lost = || SandboxError::Silent("pid 1 was not announced".to_owned());
        let init = started.body.init.clone().ok_or_else(lost)?;
        let channel =
            sys::watch_readiness(Arc::new(started.channel)).map_err(|error| SandboxError::Silent(error.to_string()))?;
        Ok(Self {
            name: started.body.name.clone(),
            host_uid: started.body.lease.as_ref().map(crate::ids::Lease::id),
            missing: started.missing,
            departure: started.body.departure(),
            killer: Killer { init, asked: Arc::default() },
            pipes: Some(started.pipes),
            exit: None,
            running: Some(Running { body: started.body, channel }),
        })
    }

    /// The name of the instance and of its cgroups, unique while the server runs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The user id that the instance has on the host; `None` when it is the server's own.
    #[must_use]
    pub fn host_uid(&self) -> Option<u32> {
        self.host_uid
    }

    /// Lowered layers that only this start found to be absent, beside [`crate::Sandbox::missing`].
    #[must_use]
    pub fn missing(&self) -> &[Layer] {
        &self.missing
    }

    /// The server's ends of the descriptors; `None` from the second call on. Not taking them is
    /// fine for a silent program: they are closed with the instance.
    pub fn take_pipes(&mut self) -> Option<Pipes> {
        self.pipes.take()
    }

    /// A handle to wait for the end of all traces of the instance.
    #[must_use]
    pub fn departure(&self) -> Departure {
        Departure(self.departure.clone())
    }

    /// User and system time up to now; `None` where no cgroup counts it, or after the end.
    #[must_use]
    pub fn cpu_micros(&self) -> Option<u64> {
        self.running.as_ref()?.body.group.cpu_micros()
    }

    /// Changes [`crate::Limits::cpu_weight`] while it runs. Without a processor cgroup, or after the end, nothing happens.
    ///
    /// # Errors
    /// When the cgroup cannot be written.
    pub fn weigh_cpu(&self, weight: u32) -> std::io::Result<()> {
        self.running.as_ref().map_or(Ok(()), |running| running.body.group.weigh(weight))
    }

    /// The pidfd of its first process.
    pub(crate) fn pidfd(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.killer.init)
    }

    /// A handle for timeouts and cancellations.
    #[must_use]
    pub fn killer(&self) -> Killer {
        self.killer.clone()
    }

    /// See [`Killer::kill`].
    pub fn kill(&self) {
        self.killer.kill();
    }

    /// Waits until nobody of the instance is alive. Can be dropped and called again at any time;
    /// does not depend on anyone reading the pipes.
    pub async fn wait(&mut self) -> Exit {
        if let Some(exit) = &self.exit {
            return exit.clone();
        }
        let ended = match &self.running {
            Some(running) => running.ended().await,
            None => None,
        };
        let exit = self.conclude(ended.as_ref());
        self.exit = Some(exit.clone());
        exit
    }

    /// What it has used up, when its owner knows that it has done its work. It is killed in a few milliseconds, after
    /// those who wait for its result have been served; nobody waits for that.
    #[must_use]
    pub fn finish(mut self) -> Spent {
        let usage = self.running.take().map_or_else(Usage::default, |mut running| {
            running.body.finished = true;
            running.body.group.usage()
        });
        Spent {
            oom_killed: usage.oom_killed,
            process_limit_hit: usage.process_limit_hit,
            cpu_micros: usage.cpu_micros,
            peak_memory_bytes: usage.peak_memory_bytes,
        }
    }

    /// Reads the counters before the body goes to the janitor, who removes them.
    fn conclude(&mut self, ended: Option<&Ended>) -> Exit {
        let running = self.running.take();
        let usage = running.map_or_else(Usage::default, |running| running.body.group.usage());
        let killed = self.killer.asked.load(Ordering::Relaxed);
        Exit {
            // A launcher that said nothing was killed, and pid 1 with it.
            status: ended.map_or(ExitStatus::Signal(9), |ended| status(ended.raw_status)),
            oom_killed: usage.oom_killed || ended.is_some_and(|ended| ended.out_of_memory),
            process_limit_hit: usage.process_limit_hit,
            killed,
            cpu_micros: usage.cpu_micros.or(ended.map(|ended| ended.cpu_micros)),
            peak_memory_bytes: usage.peak_memory_bytes,
        }
    }
}

impl Running {
    /// The launcher's last words, or `None` when it was killed; then pid 1 is gone as well.
    async fn ended(&self) -> Option<Ended> {
        let message = self.last_words().await;
        if message.is_none() {
            self.end_without_launcher().await;
        }
        serde_json::from_slice(&message?).ok()
    }

    async fn last_words(&self) -> Option<Vec<u8>> {
        let mut buffer = [0; 256];
        loop {
            let mut ready = self.channel.readable().await.ok()?;
            match recv(self.channel.get_ref(), &mut buffer, RecvFlags::DONTWAIT) {
                Ok((0, _)) => return None,
                Ok((length, _)) => return Some(buffer[..length].to_vec()),
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(Errno::INTR) => {}
                Err(_) => return None,
            }
        }
    }

    async fn end_without_launcher(&self) {
        let Some(init) = &self.body.init else {
            return;
        };
        janitor::kill(init);
        if let Ok(pidfd) = sys::watch_readiness(Arc::clone(init)) {
            let _gone = pidfd.readable().await;
        }
    }
}

/// `wait(2)`: the low seven bits are the signal, the next byte the code.
fn status(raw: i32) -> ExitStatus {
    match raw & 0x7f {
        0 => ExitStatus::Code((raw >> 8) & 0xff),
        signal => ExitStatus::Signal(signal),
    }
}
