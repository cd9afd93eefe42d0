//! What the pool does next: a pure function of its state, what happened and the time. It knows no processes.

use std::collections::BTreeMap;
use std::time::Duration;

use vivarium_domain::id::RuntimeId;

use super::demand::Demand;

/// A parked instance that dies so soon is as good as one that did not come up.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// The pause after a failed start; it doubles with every further one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Time since the server began.
pub(super) type Moment = Duration;

/// Names one instance from the decision to start it to its end.
pub(super) type Number = u64;

/// The bounds over all runtimes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Parked and starting instances.
    pub(super) parked: usize,
    /// Starts at once.
    pub(super) starts: usize,
    /// Parked instances older than this are replaced.
    pub(super) age: Duration,
}

/// How many to keep, of what kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order<K> {
    pub(super) kind: K,
    pub(super) min: usize,
    pub(super) max: usize,
}

/// What happened.
#[derive(Debug, Clone)]
pub(super) enum Event<K> {
    /// Somebody wants this from now on.
    Ordered(RuntimeId, Order<K>),
    /// Nobody wants anything of this runtime any more.
    Released(RuntimeId),
    /// An evaluation arrived.
    Arrived(RuntimeId),
    /// A start came to its end; the instance waits.
    Parked(Number),
    /// A start failed.
    Failed(Number),
    /// A parked instance is gone, or broken.
    Lost(Number),
    /// Those that are parked are not what would be started now: they stay until others have come.
    Renewed(RuntimeId),
    /// Nothing but time.
    Tick,
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action<K> {
    /// Start one and report `Parked` or `Failed`.
    Start { runtime: RuntimeId, number: Number, kind: K },
    /// End one, whether it is parked or still starting.
    Discard(Number),
}

/// The state: every runtime that has an order.
#[derive(Debug)]
pub(super) struct Policy<K> {
    bounds: Bounds,
    shelves: BTreeMap<RuntimeId, Shelf<K>>,
    next: Number,
}

/// The instances of one runtime.
#[derive(Debug)]
struct Shelf<K> {
    order: Order<K>,
    parked: BTreeMap<Number, Waiting<K>>,
    starting: BTreeMap<Number, K>,
    demand: Demand,
    failures: u32,
    not_before: Moment,
    /// Those parked before are stale.
    renewed: Moment,
}

#[derive(Debug)]
struct Waiting<K> {
    kind: K,
    since: Moment,
}

impl<K: Clone + PartialEq> Policy<K> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, shelves: BTreeMap::new(), next: 0 }
    }

    /// Takes note of an event and says what to do now.
    pub(super) fn step(&mut self, event: Event<K>, now: Moment) -> Vec<Action<K>> {
        let mut actions = self.note(event, now);
        self.retire(now, &mut actions);
        self.start(now, &mut actions);
        actions
    }

    /// Takes a parked instance of exactly this kind out of the state, the youngest first: its memory is the warmest.
    /// Whoever takes it does not report its end.
    pub(super) fn take(&mut self, runtime: RuntimeId, kind: &K) -> Option<Number> {
        let shelf = self.shelves.get_mut(&runtime)?;
        let number = *shelf.parked.iter().rev().find(|(_, waiting)| waiting.kind == *kind)?.0;
        shelf.parked.remove(&number);
        Some(number)
    }

    /// A taken instance did what it was parked for: starts are all right.
    pub(super) fn proven(&mut self, runtime: RuntimeId) {
        if let Some(shelf) = self.shelves.get_mut(&runtime) {
            shelf.failures = 0;
        }
    }

    /// A taken instance turned out to be broken.
    pub(super) fn disproven(&mut self, runtime: RuntimeId, now: Moment) {
        if let Some(shelf) = self.shelves.get_mut(&runtime) {
            shelf.fail(now);
        }
    }

    /// Parked, starting, and since when the oldest is parked.
    pub(super) fn counts(&self, runtime: RuntimeId) -> (usize, usize, Option<Moment>) {
        let Some(shelf) = self.shelves.get(&runtime) else { return (0, 0, None) };
        let oldest = shelf.parked.values().map(|waiting| waiting.since).min();
        (shelf.parked.len(), shelf.starting.len(), oldest)
    }

    pub(super) fn order(&self, runtime: RuntimeId) -> Option<&Order<K>> {
        self.shelves.get(&runtime).map(|shelf| &shelf.order)
    }

    /// Failed starts in a row.
    pub(super) fn failures(&self, runtime: RuntimeId) -> u32 {
        self.shelves.get(&runtime).map_or(0, |shelf| shelf.failures)
    }

    fn note(&mut self, event: Event<K>, now: Moment) -> Vec<Action<K>> {
        match event {
            Event::Ordered(runtime, order) => self.order_from(runtime, order),
            Event::Released(runtime) => return self.forget(runtime),
            Event::Arrived(runtime) => {
                if let Some(shelf) = self.shelves.get_mut(&runtime) {
                    shelf.demand.note(now);
                }
            }
            Event::Parked(number) => return self.park(number, now),
            Event::Failed(number) => {
                if let Some(shelf) = self.shelves.values_mut().find(|shelf| shelf.starting.contains_key(&number)) {
                    shelf.starting.remove(&number);
                    shelf.fail(now);
                }
            }
            Event::Lost(number) => self.lose(number, now),
            Event::Renewed(runtime) => {
                if let Some(shelf) = self.shelves.get_mut(&runtime) {
                    shelf.renewed = now;
                }
            }
            Event::Tick => self.shelves.values_mut().for_each(|shelf| shelf.settle(now)),
        }
        Vec::new()
    }

    /// What is starting of another kind comes up in vain and is dropped by [`Self::retire`].
    fn order_from(&mut self, runtime: RuntimeId, order: Order<K>) {
        let order = Order { min: order.min.min(order.max), ..order };
        match self.shelves.get_mut(&runtime) {
            None if order.max == 0 => {}
            None => drop(self.shelves.insert(runtime, Shelf::new(order))),
            Some(shelf) if shelf.order == order => {}
            Some(shelf) => {
                if shelf.order.kind != order.kind {
                    (shelf.failures, shelf.not_before) = (0, Moment::ZERO);
                }
                shelf.order = order;
            }
        }
    }

    fn forget(&mut self, runtime: RuntimeId) -> Vec<Action<K>> {
        let Some(shelf) = self.shelves.remove(&runtime) else { return Vec::new() };
        shelf.parked.into_keys().chain(shelf.starting.into_keys()).map(Action::Discard).collect()
    }

    /// One that nobody waits for any more is ended at once.
    fn park(&mut self, number: Number, now: Moment) -> Vec<Action<K>> {
        let Some(shelf) = self.shelves.values_mut().find(|shelf| shelf.starting.contains_key(&number)) else {
            return vec![Action::Discard(number)];
        };
        if let Some(kind) = shelf.starting.remove(&number) {
            shelf.parked.insert(number, Waiting { kind, since: now });
        }
        Vec::new()
    }

    fn lose(&mut self, number: Number, now: Moment) {
        for shelf in self.shelves.values_mut() {
            if let Some(waiting) = shelf.parked.remove(&number)
                && now.saturating_sub(waiting.since) < STABLE_AFTER
            {
                shelf.fail(now);
            }
        }
    }

    /// Ends what is superfluous: starts of an old kind, and what is parked beyond the target.
    fn retire(&mut self, now: Moment, actions: &mut Vec<Action<K>>) {
        for shelf in self.shelves.values_mut() {
            actions.extend(shelf.retire(now, self.bounds.age).into_iter().map(Action::Discard));
        }
    }

    /// Starts what is missing, as far as the bounds allow.
    fn start(&mut self, now: Moment, actions: &mut Vec<Action<K>>) {
        while self.shelves.values().map(|shelf| shelf.starting.len()).sum::<usize>() < self.bounds.starts {
            let room = |runtime: &RuntimeId| self.room_for(*runtime, now);
            let Some((runtime, room)) = self.needy(now).iter().find_map(|one| Some((*one, room(one)?))) else { return };
            if let Room::After(owner, number) = room {
                self.shelves.entry(owner).and_modify(|shelf| drop(shelf.parked.remove(&number)));
                actions.push(Action::Discard(number));
            }
            actions.extend(self.begin(runtime));
        }
    }

    /// Runtimes that want another instance: first those below their minimum, then those that have least.
    fn needy(&self, now: Moment) -> Vec<RuntimeId> {
        let wanting =
            |shelf: &Shelf<K>| now >= shelf.not_before && shelf.coming(now, self.bounds.age) < shelf.target(now);
        let mut needy: Vec<_> = self.shelves.iter().filter(|(_, shelf)| wanting(shelf)).collect();
        needy.sort_by_key(|(_, shelf)| {
            let coming = shelf.coming(now, self.bounds.age);
            (coming >= shelf.order.min, coming)
        });
        needy.into_iter().map(|(runtime, _)| *runtime).collect()
    }

    /// Where one more of a runtime could go. In a full house it takes the place of a stale one of its own,
    /// or, below its minimum, of one that another runtime has above its own.
    fn room_for(&self, runtime: RuntimeId, now: Moment) -> Option<Room> {
        let total: usize = self.shelves.values().map(|shelf| shelf.parked.len() + shelf.starting.len()).sum();
        if total < self.bounds.parked {
            return Some(Room::Free);
        }
        let own = self.shelves.get(&runtime)?;
        if let Some(number) = own.stale(now, self.bounds.age) {
            return Some(Room::After(runtime, number));
        }
        if own.coming(now, self.bounds.age) >= own.order.min {
            return None;
        }
        let (owner, richest) = self.shelves.iter().max_by_key(|(_, shelf)| shelf.luxury())?;
        (richest.luxury() > 0).then_some(())?;
        Some(Room::After(*owner, richest.oldest()?))
    }

    fn begin(&mut self, runtime: RuntimeId) -> Option<Action<K>> {
        let shelf = self.shelves.get_mut(&runtime)?;
        let (number, kind) = (self.next, shelf.order.kind.clone());
        self.next += 1;
        shelf.starting.insert(number, kind.clone());
        Some(Action::Start { runtime, number, kind })
    }
}

/// A place for one more instance.
enum Room {
    Free,
    /// Once this one of that runtime is gone.
    After(RuntimeId, Number),
}

impl<K: Clone + PartialEq> Shelf<K> {
    fn new(order: Order<K>) -> Self {
        let (parked, starting) = (BTreeMap::new(), BTreeMap::new());
        Self {
            order,
            parked,
            starting,
            demand: Demand::default(),
            failures: 0,
            not_before: Moment::ZERO,
            renewed: Moment::ZERO,
        }
    }

    /// How many there should be now.
    fn target(&self, now: Moment) -> usize {
        self.demand.peak(now).clamp(self.order.min, self.order.max)
    }

    fn is_stale(&self, waiting: &Waiting<K>, now: Moment, age: Duration) -> bool {
        let outdated = waiting.kind != self.order.kind || waiting.since < self.renewed;
        outdated || now.saturating_sub(waiting.since) > age
    }

    /// The oldest of those that are of an old kind or too old.
    fn stale(&self, now: Moment, age: Duration) -> Option<Number> {
        let mut stale = self.parked.iter().filter(|(_, waiting)| self.is_stale(waiting, now, age));
        stale.next().map(|(number, _)| *number)
    }

    /// Those of the ordered kind that are there or on their way.
    fn coming(&self, now: Moment, age: Duration) -> usize {
        let parked = self.parked.values().filter(|waiting| !self.is_stale(waiting, now, age)).count();
        parked + self.starting.len()
    }

    /// Parked ones above the minimum.
    fn luxury(&self) -> usize {
        self.parked.len().saturating_sub(self.order.min)
    }

    fn oldest(&self) -> Option<Number> {
        self.parked.iter().min_by_key(|(number, waiting)| (waiting.since, **number)).map(|(number, _)| *number)
    }

    fn fail(&mut self, now: Moment) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now + pause;
    }

    /// One that has been parked for a while proves that starts are all right.
    fn settle(&mut self, now: Moment) {
        let is_stable = |waiting: &Waiting<K>| waiting.kind == self.order.kind && waiting.since + STABLE_AFTER <= now;
        if now >= self.not_before + STABLE_AFTER && self.parked.values().any(is_stable) {
            self.failures = 0;
        }
    }

    /// What goes: every start of an old kind, and of the parked ones those beyond the target, stale ones first.
    /// So an old one stays until a new one has come.
    fn retire(&mut self, now: Moment, age: Duration) -> Vec<Number> {
        let vain = self.starting.iter().filter(|(_, kind)| **kind != self.order.kind);
        let mut retired: Vec<_> = vain.map(|(number, _)| *number).collect();
        self.starting.retain(|_, kind| *kind == self.order.kind);
        while self.parked.len() > self.target(now) {
            let Some(number) = self.stale(now, age).or_else(|| self.oldest()) else { break };
            self.parked.remove(&number);
            retired.push(number);
        }
        retired
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
