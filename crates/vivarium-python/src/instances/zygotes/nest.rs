//! One zygote that is up, and how it comes up.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::unix::pipe::Receiver;
use vivarium_sandbox::{Cell, Zygote};

use super::learned::Learned;
use super::lock;
use crate::environments::Lease;
use crate::instances::maker::{Kind, Made, MakeError, Maker};
use crate::settings::ZygoteSettings;

/// How long modules may take to load.
const READY_TIME: Duration = Duration::from_secs(60);
/// How often a zygote is started again without a module that did harm; then without any.
const TRIES: u32 = 5;
/// All that a zygote says until it is ready.
const MOST_REPORT_BYTES: u64 = 1 << 20;

/// A zygote that forks.
pub(super) struct Nest {
    zygote: Zygote,
    cell: Cell,
    born: Instant,
    forks: AtomicU64,
    failed: AtomicBool,
}

/// A line of what it says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Word {
    /// All is loaded.
    Ready(bool),
    /// This module cannot be loaded.
    Unloadable(String),
    /// This module started a thread.
    Threads(String),
}

/// Why it did not become ready.
enum Trouble {
    /// It was well without this module.
    Module(String),
    Other(String),
}

impl Nest {
    /// Returns when all is loaded that can be.
    pub(super) async fn start(maker: &Maker, kind: &Kind, learned: &Mutex<Learned>) -> Result<Self, MakeError> {
        for _ in 0..TRIES {
            let modules = lock(learned).wanted();
            let (mut zygote, cell) = maker.make_zygote(kind, &modules).await?;
            match become_ready(&mut zygote, learned).await {
                Ok(()) => return Ok(Self::new(zygote, cell)),
                Err(Trouble::Module(name)) => lock(learned).ban(&name),
                Err(Trouble::Other(reason)) if modules.is_empty() => return Err(MakeError::Zygote(reason)),
                Err(Trouble::Other(reason)) => {
                    tracing::warn!(reason, "a zygote cannot load what scripts do; it goes on without");
                    lock(learned).ban_all();
                }
            }
        }
        lock(learned).ban_all();
        let (mut zygote, cell) = maker.make_zygote(kind, &[]).await?;
        match become_ready(&mut zygote, learned).await {
            Ok(()) => Ok(Self::new(zygote, cell)),
            Err(Trouble::Module(reason) | Trouble::Other(reason)) => Err(MakeError::Zygote(reason)),
        }
    }

    fn new(zygote: Zygote, cell: Cell) -> Self {
        Self { zygote, cell, born: Instant::now(), forks: AtomicU64::new(0), failed: AtomicBool::new(false) }
    }

    pub(super) async fn fork(&self, lease: Lease) -> Result<Made, MakeError> {
        self.forks.fetch_add(1, Ordering::Relaxed);
        let instance = self.zygote.fork(self.cell).await.inspect_err(|_| self.failed.store(true, Ordering::Relaxed))?;
        Made::new(instance, lease)
    }

    pub(super) fn is_alive(&self) -> bool {
        !self.failed.load(Ordering::Relaxed)
    }

    /// Old, or often used: all its instances have the same hash seed and layout of addresses.
    pub(super) fn is_worn(&self, settings: &ZygoteSettings) -> bool {
        self.born.elapsed() > settings.max_age || self.forks.load(Ordering::Relaxed) > settings.max_forks
    }
}

async fn become_ready(zygote: &mut Zygote, learned: &Mutex<Learned>) -> Result<(), Trouble> {
    let ended = || Trouble::Other("it has no standard error".to_owned());
    let report = zygote.take_errors().ok_or_else(ended)?;
    let listening = listen(report, learned);
    let late = |_| Err(Trouble::Other(format!("it took more than {} s", READY_TIME.as_secs())));
    tokio::time::timeout(READY_TIME, listening).await.unwrap_or_else(late)
}

/// What it says is untrusted: it has loaded packages.
async fn listen(report: OwnedFd, learned: &Mutex<Learned>) -> Result<(), Trouble> {
    let other = |error: io::Error| Trouble::Other(error.to_string());
    let pipe = Receiver::from_owned_fd(report).map_err(other)?;
    let mut lines = BufReader::new(pipe.take(MOST_REPORT_BYTES)).lines();
    let mut last = String::new();
    while let Some(line) = lines.next_line().await.map_err(other)? {
        match serde_json::from_str(&line) {
            Ok(Word::Ready(true)) => return Ok(()),
            Ok(Word::Unloadable(name)) => lock(learned).ban(&name),
            Ok(Word::Threads(name)) => return Err(Trouble::Module(name)),
            // A traceback; its last line says most.
            Ok(Word::Ready(false)) | Err(_) => last = line,
        }
    }
    Err(Trouble::Other(if last.is_empty() { "it ended".to_owned() } else { format!("it ended: {last}") }))
}
