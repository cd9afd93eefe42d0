//! The zygotes of this node: one for each runtime and kind of instance, never shared between runtimes.
//!
//! A zygote is started when somebody first needs it, and replaced beside the requests: when it is old, when it has
//! forked often, and when scripts turned out to load modules that it had not. One that died or hangs is replaced by
//! whoever notices; if the next one does not do either, the instance is made without.

mod learned;
mod nest;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use vivarium_domain::id::RuntimeId;

use self::learned::Learned;
use self::nest::Nest;
use super::maker::{Kind, Made, MakeError, Maker};
use super::networks::Networks;
use crate::settings::ZygoteSettings;

/// All of them.
pub(super) struct Zygotes {
    maker: Maker,
    settings: ZygoteSettings,
    slots: Mutex<HashMap<RuntimeId, Vec<Arc<Slot>>>>,
    closed: AtomicBool,
    itself: Weak<Zygotes>,
    /// Told when a zygote was replaced by one that knows more or is younger.
    renewed: Box<dyn Fn(RuntimeId) + Send + Sync>,
}

/// The place of one zygote.
struct Slot {
    runtime: RuntimeId,
    kind: Kind,
    /// Held while one is started, so that everybody waits for the same.
    nest: tokio::sync::Mutex<Option<Arc<Nest>>>,
    learned: Mutex<Learned>,
    used: Mutex<Instant>,
}

impl Zygotes {
    pub(super) fn new(
        maker: Maker,
        settings: ZygoteSettings,
        renewed: Box<dyn Fn(RuntimeId) + Send + Sync>,
    ) -> Arc<Self> {
        let (slots, closed) = (Mutex::default(), AtomicBool::new(false));
        Arc::new_cyclic(|itself| Self { maker, settings, slots, closed, itself: itself.clone(), renewed })
    }

    /// An instance of this kind, connected to what its runtime may reach.
    pub(super) async fn make(&self, runtime: RuntimeId, kind: &Kind) -> Result<Made, MakeError> {
        let mut made = self.make_unconnected(runtime, kind).await?;
        self.maker.networks.attach(runtime, &mut made).await.map_err(MakeError::Network)?;
        Ok(made)
    }

    /// What the instances of each runtime may reach.
    pub(super) fn networks(&self) -> &Networks {
        &self.maker.networks
    }

    /// Forked, if that is what its kind says.
    async fn make_unconnected(&self, runtime: RuntimeId, kind: &Kind) -> Result<Made, MakeError> {
        if !kind.is_forked() {
            return self.maker.make(kind).await;
        }
        if self.is_closed() {
            return Err(MakeError::Stopping);
        }
        let slot = self.slot(runtime, kind);
        match self.fork(&slot).await {
            Ok(made) => return Ok(made),
            Err(error @ MakeError::Missing(_)) => return Err(error),
            // Its zygote was ended while it forked; that is no failure.
            Err(_) if self.is_closed() => return Err(MakeError::Stopping),
            Err(error) => tracing::warn!(%runtime, %error, "a zygote failed; another one is tried"),
        }
        match self.fork(&slot).await {
            Ok(made) => Ok(made),
            Err(error) => {
                tracing::warn!(%runtime, %error, "a zygote failed again; the instance is made without");
                self.maker.make(kind).await
            }
        }
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Has a zygote of this kind up.
    pub(super) async fn warm_up(&self, runtime: RuntimeId, kind: &Kind) {
        if kind.is_forked()
            && let Err(error) = self.nest(&self.slot(runtime, kind)).await
        {
            tracing::warn!(%runtime, %error, "a zygote could not be started ahead");
        }
    }

    /// From now on only this kind is wanted; others go when nobody uses them.
    pub(super) fn keep_only(&self, runtime: RuntimeId, kind: &Kind) {
        if let Some(slots) = self.lock().get_mut(&runtime) {
            slots.retain(|slot| slot.kind == *kind);
        }
    }

    /// Ends the zygotes of a runtime. Instances that they forked go on.
    pub(super) fn release(&self, runtime: RuntimeId) {
        self.lock().remove(&runtime);
    }

    /// Ends all of them, and starts no more.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.lock().clear();
    }

    /// What a script of this kind loaded by itself; the next zygote has it.
    pub(super) fn learn(&self, runtime: RuntimeId, kind: &Kind, modules: Vec<String>) {
        if modules.is_empty() || !kind.is_forked() {
            return;
        }
        let slot = self.slot(runtime, kind);
        if lock(&slot.learned).note(modules) {
            self.renew_later(&slot);
        }
    }

    /// Gives the memory of idle runtimes back; those in `busy` have instances parked.
    pub(super) fn end_idle(&self, is_busy: impl Fn(RuntimeId) -> bool) {
        let idle = self.settings.idle;
        let is_used = |slot: &Arc<Slot>| lock(&slot.used).elapsed() < idle;
        self.lock().retain(|runtime, slots| {
            if !is_busy(*runtime) {
                slots.retain(is_used);
            }
            !slots.is_empty()
        });
    }

    async fn fork(&self, slot: &Arc<Slot>) -> Result<Made, MakeError> {
        let nest = self.nest(slot).await?;
        let made = nest.fork(self.maker.lease(&slot.kind)?).await;
        if made.is_err() {
            slot.drop_nest(&nest).await;
        } else if nest.is_worn(&self.settings) && lock(&slot.learned).begin_renewal(Duration::ZERO) {
            self.spawn_renewal(slot);
        }
        made
    }

    async fn nest(&self, slot: &Arc<Slot>) -> Result<Arc<Nest>, MakeError> {
        let mut place = slot.nest.lock().await;
        if let Some(nest) = place.as_ref().filter(|nest| nest.is_alive()) {
            return Ok(Arc::clone(nest));
        }
        let nest = Arc::new(Nest::start(&self.maker, &slot.kind, &slot.learned).await?);
        *place = Some(Arc::clone(&nest));
        Ok(nest)
    }

    /// At once the first time, then less and less often.
    fn renew_later(&self, slot: &Arc<Slot>) {
        if lock(&slot.learned).begin_renewal(self.settings.renewal_pause) {
            self.spawn_renewal(slot);
        }
    }

    fn spawn_renewal(&self, slot: &Arc<Slot>) {
        let (zygotes, slot) = (self.itself.clone(), Arc::downgrade(slot));
        tokio::spawn(async move {
            let pause = slot.upgrade().map(|slot| lock(&slot.learned).pause()).unwrap_or_default();
            tokio::time::sleep(pause).await;
            if let (Some(zygotes), Some(slot)) = (zygotes.upgrade(), slot.upgrade()) {
                zygotes.renew(&slot).await;
            }
        });
    }

    /// The old one serves until the new one is up.
    async fn renew(&self, slot: &Arc<Slot>) {
        let started = Nest::start(&self.maker, &slot.kind, &slot.learned).await;
        lock(&slot.learned).end_renewal();
        match started {
            Ok(nest) => {
                *slot.nest.lock().await = Some(Arc::new(nest));
                (self.renewed)(slot.runtime);
            }
            Err(error) => tracing::warn!(runtime = %slot.runtime, %error, "a zygote could not be replaced"),
        }
    }

    fn slot(&self, runtime: RuntimeId, kind: &Kind) -> Arc<Slot> {
        let mut slots = self.lock();
        let slots = slots.entry(runtime).or_default();
        let found = slots.iter().find(|slot| slot.kind == *kind);
        let slot = found.cloned().unwrap_or_else(|| {
            // What scripts load depends little on limits and versions.
            let known = slots.last().map(|other| lock(&other.learned).inherit()).unwrap_or_default();
            let slot = Arc::new(Slot::new(runtime, kind.clone(), known));
            slots.push(Arc::clone(&slot));
            slot
        });
        *lock(&slot.used) = Instant::now();
        slot
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RuntimeId, Vec<Arc<Slot>>>> {
        lock(&self.slots)
    }
}

impl Slot {
    fn new(runtime: RuntimeId, kind: Kind, learned: Learned) -> Self {
        let (learned, used) = (Mutex::new(learned), Mutex::new(Instant::now()));
        Self { runtime, kind, nest: tokio::sync::Mutex::default(), learned, used }
    }

    /// Unless somebody else has replaced it already.
    async fn drop_nest(&self, failed: &Arc<Nest>) {
        let mut place = self.nest.lock().await;
        if place.as_ref().is_some_and(|nest| Arc::ptr_eq(nest, failed)) {
            *place = None;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
