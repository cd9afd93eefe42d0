//! The parked instances of this node. [`policy`] decides, this obeys: it starts, keeps, watches and ends them.
//!
//! Everything that happens is one locked step: the policy is told, and what it answers is begun in the background.
//! What comes up, and what is being ended, belongs to the task tracker of its runtime, so that a release can wait
//! until nothing is left.

mod counters;
mod demand;
mod policy;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::net::UnixStream;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vivarium_domain::id::RuntimeId;
use vivarium_domain::ports::{ParkingOrder, PoolState};

use self::counters::{Counters, show_parked, show_running};
use self::policy::{Action, Bounds, Event, Number, Order, Policy};
use super::maker::{Kind, Made, MakeError, Maker};
use super::zygotes::Zygotes;
use crate::settings::PoolSettings;

/// How often the policy is asked though nothing happened: for what age, idleness and pauses bring.
const TICK: Duration = Duration::from_millis(250);

/// The pool.
pub(super) struct Pool {
    zygotes: Arc<Zygotes>,
    began: Instant,
    state: Mutex<State>,
    ticking: AtomicBool,
    /// For the tasks that must not keep the pool alive.
    itself: Weak<Pool>,
}

struct State {
    policy: Policy<Kind>,
    parked: HashMap<Number, Parked>,
    starting: HashMap<Number, CancellationToken>,
    /// Closed when the runtime was released.
    trackers: HashMap<RuntimeId, TaskTracker>,
    counters: HashMap<RuntimeId, Counters>,
}

/// An instance that waits for a script.
struct Parked {
    made: Made,
    /// Tells its death.
    watch: AbortHandle,
    runtime: RuntimeId,
    tracker: TaskTracker,
}

/// An instance that is to come up.
struct Start {
    runtime: RuntimeId,
    number: Number,
    kind: Kind,
    cancel: CancellationToken,
    tracker: TaskTracker,
}

/// Counts an evaluation as running until it is dropped.
pub(super) struct Running<'pool> {
    pool: &'pool Pool,
    runtime: RuntimeId,
}

impl Pool {
    pub(super) fn new(maker: Maker, settings: PoolSettings) -> Arc<Self> {
        let bounds =
            Bounds { parked: settings.max_parked, starts: settings.parallel_starts.max(1), age: settings.max_age };
        let state = State {
            policy: Policy::new(bounds),
            parked: HashMap::new(),
            starting: HashMap::new(),
            trackers: HashMap::new(),
            counters: HashMap::new(),
        };
        let (began, state, ticking) = (Instant::now(), Mutex::new(state), AtomicBool::new(false));
        Arc::new_cyclic(|itself: &Weak<Self>| {
            let pool = itself.clone();
            let renewed = move |runtime| {
                if let Some(pool) = pool.upgrade() {
                    pool.step(Event::Renewed(runtime));
                }
            };
            let zygotes = Zygotes::new(maker, settings.zygotes, Box::new(renewed));
            Self { zygotes, began, state, ticking, itself: itself.clone() }
        })
    }

    /// Where instances come from.
    pub(super) fn zygotes(&self) -> &Zygotes {
        &self.zygotes
    }

    /// Keeps what is ordered from now on. Must be called within a tokio runtime.
    pub(super) fn order(&self, order: &ParkingOrder) {
        let (min, max) = (order.min as usize, order.max as usize);
        let kind = Kind::of_order(order);
        // The same order again says nothing about one that is being prepared beside it.
        if self.lock().policy.order(order.runtime).is_none_or(|known| known.kind != kind) {
            self.zygotes.keep_only(order.runtime, &kind);
        }
        self.step(Event::Ordered(order.runtime, Order { kind, min, max }));
        if !self.ticking.swap(true, Ordering::Relaxed) {
            tokio::spawn(tick(self.itself.clone()));
        }
    }

    /// Ends everything of a runtime that waits for a script; returns when it is wholly gone.
    pub(super) async fn release(&self, runtime: RuntimeId) {
        // Not within the lock: zygotes ask for what is parked while they hold theirs.
        self.zygotes.release(runtime);
        let tracker = {
            let mut state = self.lock();
            self.advance(&mut state, Event::Released(runtime));
            show_parked(runtime, 0);
            state.trackers.get(&runtime).cloned()
        };
        let Some(tracker) = tracker else { return };
        tracker.close();
        tracker.wait().await;
        if let Entry::Occupied(entry) = self.lock().trackers.entry(runtime)
            && entry.get().is_closed()
            && entry.get().is_empty()
        {
            entry.remove();
        }
    }

    /// A parked instance of exactly this kind. It is the caller's now.
    pub(super) fn take(&self, runtime: RuntimeId, kind: &Kind) -> Option<Made> {
        let mut state = self.lock();
        let number = state.policy.take(runtime, kind)?;
        let parked = state.parked.remove(&number)?;
        parked.watch.abort();
        Some(parked.made)
    }

    /// A taken instance runs the script. Only now the place it left is filled again.
    pub(super) fn hit(&self, runtime: RuntimeId) {
        let mut state = self.lock();
        state.counters(runtime).hit(runtime);
        state.policy.proven(runtime);
        self.advance(&mut state, Event::Arrived(runtime));
    }

    /// An evaluation has to do without; counted where there could have been one.
    pub(super) fn miss(&self, runtime: RuntimeId) {
        let mut state = self.lock();
        if state.policy.order(runtime).is_some_and(|order| order.max > 0) {
            state.counters(runtime).miss(runtime);
            self.advance(&mut state, Event::Arrived(runtime));
        }
    }

    /// A taken instance did not take the script.
    pub(super) fn broken(&self, runtime: RuntimeId) {
        let mut state = self.lock();
        state.counters(runtime).discard(runtime);
        state.policy.disproven(runtime, self.began.elapsed());
    }

    pub(super) fn running(&self, runtime: RuntimeId) -> Running<'_> {
        self.count_running(runtime, |running| running + 1);
        Running { pool: self, runtime }
    }

    pub(super) fn state(&self, runtime: RuntimeId) -> PoolState {
        let state = self.lock();
        let (parked, starting, oldest) = state.policy.counts(runtime);
        let counters = state.counters.get(&runtime).copied().unwrap_or_default();
        let bound = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let order = state.policy.order(runtime);
        let (min, max) = order.map_or((0, 0), |order| (bound(order.min), bound(order.max)));
        let Counters { running, hits, misses, started, failed, discarded } = counters;
        let oldest = oldest.map(|since| self.began.elapsed().saturating_sub(since));
        PoolState { min, max, parked, starting, running, hits, misses, started, failed, discarded, oldest }
    }

    fn keeps_parked(&self, runtime: RuntimeId) -> bool {
        let state = self.lock();
        let (parked, starting, _) = state.policy.counts(runtime);
        parked + starting > 0
    }

    fn count_running(&self, runtime: RuntimeId, change: impl FnOnce(usize) -> usize) {
        let mut state = self.lock();
        let counters = state.counters(runtime);
        counters.running = change(counters.running);
        show_running(runtime, counters.running);
    }

    fn step(&self, event: Event<Kind>) {
        self.advance(&mut self.lock(), event);
    }

    /// Tells the policy and begins what it wants.
    fn advance(&self, state: &mut State, event: Event<Kind>) {
        for action in state.policy.step(event, self.began.elapsed()) {
            match action {
                Action::Start { runtime, number, kind } => self.begin(state, runtime, number, kind),
                Action::Discard(number) => state.discard(number),
            }
        }
    }

    fn begin(&self, state: &mut State, runtime: RuntimeId, number: Number, kind: Kind) {
        // The pool is alive as long as somebody calls it.
        let Some(pool) = self.itself.upgrade() else { return };
        let (cancel, tracker) = (CancellationToken::new(), state.tracker(runtime));
        state.starting.insert(number, cancel.clone());
        let start = Start { runtime, number, kind, cancel, tracker: tracker.clone() };
        tracker.spawn(async move {
            let made = pool.come_up(&start).await;
            pool.arrive(start, made);
        });
    }

    /// `Ok(None)` when nobody wants it any more; it is wholly gone then.
    async fn come_up(&self, start: &Start) -> Result<Option<Made>, MakeError> {
        let mut made = self.zygotes.make(start.runtime, &start.kind).await?;
        let ready = tokio::select! {
            biased;
            () = start.cancel.cancelled() => None,
            ready = made.get_ready() => Some(ready),
        };
        if let Some(Ok(())) = ready {
            return Ok(Some(made));
        }
        let departure = made.instance.departure();
        drop(made);
        departure.wait().await;
        ready.transpose().map(|_| None)
    }

    fn arrive(&self, start: Start, made: Result<Option<Made>, MakeError>) {
        let Start { runtime, number, tracker, .. } = start;
        let mut state = self.lock();
        state.starting.remove(&number);
        match made {
            Ok(Some(made)) => {
                state.counters(runtime).start(runtime);
                let watch = tokio::spawn(watch(self.itself.clone(), number, other_handle(&made))).abort_handle();
                state.parked.insert(number, Parked { made, watch, runtime, tracker });
                self.advance(&mut state, Event::Parked(number));
            }
            Ok(None) | Err(MakeError::Stopping) => self.advance(&mut state, Event::Failed(number)),
            Err(error) => {
                state.counters(runtime).fail(runtime);
                // Once in a row, not at every try.
                if state.policy.failures(runtime) == 0 {
                    tracing::error!(%runtime, %error, "cannot park an instance; trying again, slower and slower");
                }
                self.advance(&mut state, Event::Failed(number));
            }
        }
        show_parked(runtime, state.policy.counts(runtime).0);
    }

    /// A parked instance died, or said something.
    fn lose(&self, number: Number) {
        let mut state = self.lock();
        if state.parked.contains_key(&number) {
            tracing::warn!("a parked instance died");
            state.discard(number);
            self.advance(&mut state, Event::Lost(number));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn counters(&mut self, runtime: RuntimeId) -> &mut Counters {
        self.counters.entry(runtime).or_default()
    }

    /// After a release the next order begins anew: whoever waits for the end of the old ones must not wait for it.
    fn tracker(&mut self, runtime: RuntimeId) -> TaskTracker {
        let tracker = self.trackers.entry(runtime).or_default();
        if tracker.is_closed() {
            *tracker = TaskTracker::new();
        }
        tracker.clone()
    }

    /// Ends one. Of one that is still coming up its start takes care.
    fn discard(&mut self, number: Number) {
        if let Some(cancel) = self.starting.get(&number) {
            cancel.cancel();
        }
        let Some(Parked { made, watch, runtime, tracker }) = self.parked.remove(&number) else { return };
        watch.abort();
        self.counters(runtime).discard(runtime);
        let departure = made.instance.departure();
        drop(made);
        tracker.spawn(departure.wait());
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.pool.count_running(self.runtime, |running| running.saturating_sub(1));
    }
}

/// A second handle of the control socket, for [`watch`].
fn other_handle(made: &Made) -> Option<UnixStream> {
    let other = made.ends.control.as_fd().try_clone_to_owned().ok()?;
    UnixStream::from_std(std::os::unix::net::UnixStream::from(other)).ok()
}

/// Waits until the control socket can be read: a parked instance says nothing, so it is dead or worse.
/// Without a handle its death shows when it is taken.
async fn watch(pool: Weak<Pool>, number: Number, control: Option<UnixStream>) {
    let Some(control) = control else { return };
    if control.readable().await.is_ok()
        && let Some(pool) = pool.upgrade()
    {
        pool.lose(number);
    }
}

async fn tick(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(TICK).await;
        let Some(pool) = pool.upgrade() else { return };
        pool.step(Event::Tick);
        pool.zygotes.end_idle(|runtime| pool.keeps_parked(runtime));
    }
}
