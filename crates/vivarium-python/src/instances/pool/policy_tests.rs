//! Tests of the policy: cases by hand, and invariants over random histories.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const BOUNDS: Bounds = Bounds { parked: 8, starts: 2, age: Duration::from_secs(100) };

fn runtime(number: u128) -> RuntimeId {
    RuntimeId::from_u128(number)
}

fn at(seconds: u64) -> Moment {
    Moment::from_secs(seconds)
}

fn ordered(number: u128, kind: u32, min: usize, max: usize) -> Event<u32> {
    Event::Ordered(runtime(number), Order { kind, min, max })
}

fn starts(actions: &[Action<u32>]) -> Vec<Number> {
    let number = |action: &Action<u32>| match action {
        Action::Start { number, .. } => Some(*number),
        Action::Discard(_) => None,
    };
    actions.iter().filter_map(number).collect()
}

fn discards(actions: &[Action<u32>]) -> Vec<Number> {
    let number = |action: &Action<u32>| match action {
        Action::Discard(number) => Some(*number),
        Action::Start { .. } => None,
    };
    actions.iter().filter_map(number).collect()
}

/// Does what it says until nothing is left to start; what was discarded on the way.
fn settle(policy: &mut Policy<u32>, actions: &[Action<u32>], now: Moment) -> Vec<Number> {
    let mut gone = discards(actions);
    let mut coming = starts(actions);
    while let Some(number) = coming.pop() {
        let next = policy.step(Event::Parked(number), now);
        gone.extend(discards(&next));
        coming.extend(starts(&next));
    }
    gone
}

fn filled(min: usize, max: usize) -> Policy<u32> {
    let mut policy = Policy::new(BOUNDS);
    let actions = policy.step(ordered(1, 7, min, max), at(0));
    settle(&mut policy, &actions, at(0));
    policy
}

fn parked(policy: &Policy<u32>) -> usize {
    policy.counts(runtime(1)).0
}

#[test]
fn the_minimum_is_brought_up_two_at_once() {
    let mut policy = Policy::new(BOUNDS);
    let first = policy.step(ordered(1, 7, 3, 5), at(0));
    assert_eq!(starts(&first), [0, 1]);
    assert_eq!(policy.step(ordered(1, 7, 3, 5), at(0)), [], "the same order again changes nothing");
    let next = policy.step(Event::Parked(0), at(0));
    assert_eq!(starts(&next), [2]);
    assert_eq!(policy.step(Event::Parked(1), at(0)), []);
    assert_eq!(policy.step(Event::Parked(2), at(0)), []);
    assert_eq!(policy.counts(runtime(1)), (3, 0, Some(at(0))));
}

#[test]
fn nothing_is_kept_where_nothing_is_wanted() {
    let mut policy = Policy::new(BOUNDS);
    assert_eq!(policy.step(ordered(1, 7, 0, 0), at(0)), []);
    assert_eq!(policy.step(Event::Arrived(runtime(1)), at(0)), []);
    assert_eq!(policy.take(runtime(1), &7), None);
    assert!(policy.order(runtime(1)).is_none());
}

#[test]
fn a_minimum_above_the_maximum_yields_to_it() {
    assert_eq!(parked(&filled(5, 2)), 2);
}

#[test]
fn only_the_very_kind_is_taken() {
    let mut policy = filled(1, 1);
    assert_eq!(policy.take(runtime(1), &8), None);
    assert_eq!(policy.take(runtime(2), &7), None);
    assert_eq!(policy.take(runtime(1), &7), Some(0));
    assert_eq!(policy.take(runtime(1), &7), None);
}

#[test]
fn the_size_follows_the_demand_and_falls_back() {
    let mut policy = filled(1, 4);
    for _ in 0..3 {
        let actions = policy.step(Event::Arrived(runtime(1)), at(1));
        settle(&mut policy, &actions, at(1));
    }
    assert_eq!(parked(&policy), 3);
    for _ in 0..30 {
        let actions = policy.step(Event::Arrived(runtime(1)), at(2));
        settle(&mut policy, &actions, at(2));
    }
    assert_eq!(parked(&policy), 4);
    assert_eq!(discards(&policy.step(Event::Tick, at(30))), [0; 0]);
    assert_eq!(discards(&policy.step(Event::Tick, at(63))).len(), 3);
    assert_eq!(parked(&policy), 1);
}

#[test]
fn another_kind_comes_up_before_the_old_one_goes() {
    let mut policy = filled(2, 2);
    let actions = policy.step(ordered(1, 8, 2, 2), at(1));
    assert_eq!((starts(&actions), discards(&actions)), (vec![2, 3], vec![]));
    assert_eq!(discards(&policy.step(Event::Parked(2), at(1))), [0]);
    assert_eq!(policy.take(runtime(1), &7), Some(1), "what is old still serves who wants it");
    assert_eq!(discards(&policy.step(Event::Parked(3), at(1))), [0; 0]);
    assert_eq!((policy.take(runtime(1), &8), policy.take(runtime(1), &7)), (Some(3), None));
}

#[test]
fn a_start_of_an_old_kind_is_in_vain() {
    let mut policy = Policy::new(BOUNDS);
    policy.step(ordered(1, 7, 1, 1), at(0));
    let actions = policy.step(ordered(1, 8, 1, 1), at(0));
    assert_eq!((starts(&actions), discards(&actions)), (vec![1], vec![0]));
    assert_eq!(discards(&policy.step(Event::Parked(0), at(0))), [0]);
    assert_eq!(parked(&policy), 0);
}

#[test]
fn the_old_are_replaced_one_by_one() {
    let mut policy = filled(2, 2);
    assert_eq!(policy.step(Event::Tick, at(100)), []);
    let actions = policy.step(Event::Tick, at(101));
    assert_eq!((starts(&actions).len(), discards(&actions).len()), (2, 0));
    assert_eq!(settle(&mut policy, &actions, at(101)), [0, 1]);
    assert_eq!(policy.counts(runtime(1)), (2, 0, Some(at(101))));
}

#[test]
fn after_a_renewal_those_that_were_parked_serve_until_others_have_come() {
    let mut policy = filled(2, 2);
    let actions = policy.step(Event::Renewed(runtime(1)), at(5));
    assert_eq!((starts(&actions).len(), discards(&actions).len()), (2, 0));
    assert!(policy.take(runtime(1), &7).is_some(), "an old one is as good as none is better");
    let gone = settle(&mut policy, &actions, at(5));
    assert_eq!((gone.len(), policy.counts(runtime(1))), (1, (2, 0, Some(at(5)))));
}

#[test]
fn failing_starts_pause_longer_and_longer() {
    let mut policy = Policy::new(BOUNDS);
    let (mut now, mut pauses) = (at(0), Vec::new());
    let mut actions = policy.step(ordered(1, 7, 1, 1), now);
    for _ in 0..12 {
        let [number] = starts(&actions)[..] else { panic!("{actions:?}") };
        assert_eq!(policy.step(Event::Failed(number), now), []);
        let begin = now;
        while {
            actions = policy.step(Event::Tick, now);
            actions.is_empty()
        } {
            now += Duration::from_millis(250);
        }
        pauses.push((now - begin).as_millis());
    }
    assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000, 60000]);
    assert_eq!(policy.failures(runtime(1)), 12);
    settle(&mut policy, &actions, now);
    policy.step(Event::Tick, now + at(20));
    assert_eq!(policy.failures(runtime(1)), 0, "one that lasts makes good for all");
}

#[test]
fn a_parked_one_that_dies_soon_is_a_failed_start() {
    let mut policy = filled(1, 1);
    assert_eq!(policy.step(Event::Lost(0), at(1)), [], "after a pause");
    assert_eq!(starts(&policy.step(Event::Tick, at(2))), [1]);
    policy.step(Event::Parked(1), at(2));
    assert_eq!(starts(&policy.step(Event::Lost(1), at(50))), [2], "at once");
}

#[test]
fn released_runtimes_keep_nothing() {
    let mut policy = filled(2, 4);
    policy.step(Event::Arrived(runtime(1)), at(0));
    policy.take(runtime(1), &7);
    let [coming] = starts(&policy.step(Event::Tick, at(0)))[..] else { panic!() };
    let actions = policy.step(Event::Released(runtime(1)), at(0));
    assert_eq!(discards(&actions).len(), 2);
    assert_eq!(policy.step(Event::Parked(coming), at(0)), [Action::Discard(coming)]);
    assert_eq!(policy.step(Event::Tick, at(1)), []);
}

#[test]
fn in_a_full_house_a_minimum_goes_before_luxury() {
    let mut policy = filled(1, 50);
    for _ in 0..20 {
        let actions = policy.step(Event::Arrived(runtime(1)), at(0));
        settle(&mut policy, &actions, at(0));
    }
    assert_eq!(parked(&policy), 8);
    let actions = policy.step(ordered(2, 7, 1, 5), at(0));
    assert_eq!((starts(&actions).len(), discards(&actions).len()), (1, 1));
    settle(&mut policy, &actions, at(0));
    assert_eq!((parked(&policy), policy.counts(runtime(2)).0), (7, 1));
    assert_eq!(policy.step(Event::Tick, at(1)), [], "and there it stays");
}

/// One thing that can happen to a pool.
#[derive(Debug, Clone, Copy)]
enum Step {
    Order(u128, u32, usize, usize),
    Release(u128),
    Evaluate(u128, u32),
    Finish(usize, bool),
    Lose(usize),
    Renew(u128),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..3_u128, 0..2_u32, 0..4_usize, 0..6_usize).prop_map(|(r, k, min, max)| Step::Order(r, k, min, max)),
        1 => (0..3_u128).prop_map(Step::Release),
        8 => (0..3_u128, 0..2_u32).prop_map(|(r, k)| Step::Evaluate(r, k)),
        8 => (any::<usize>(), prop::bool::weighted(0.8)).prop_map(|(one, well)| Step::Finish(one, well)),
        1 => any::<usize>().prop_map(Step::Lose),
        1 => (0..3_u128).prop_map(Step::Renew),
        4 => (0..40_000_u64).prop_map(Step::Wait),
    ]
}

/// What really exists, kept beside the policy.
#[derive(Default)]
struct Reality {
    starting: BTreeMap<Number, (RuntimeId, u32)>,
    parked: BTreeMap<Number, (RuntimeId, u32)>,
    orders: BTreeMap<RuntimeId, (usize, usize)>,
    ever: BTreeSet<Number>,
}

impl Reality {
    fn obey(&mut self, actions: Vec<Action<u32>>) {
        for action in actions {
            match action {
                Action::Start { runtime, number, kind } => {
                    assert!(self.ever.insert(number), "a number names one instance only");
                    self.starting.insert(number, (runtime, kind));
                }
                Action::Discard(number) => {
                    let was = self.starting.remove(&number).or_else(|| self.parked.remove(&number));
                    assert!(was.is_some(), "nothing is discarded twice");
                }
            }
        }
    }

    fn check(&self) {
        assert!(self.starting.len() <= BOUNDS.starts);
        assert!(self.starting.len() + self.parked.len() <= BOUNDS.parked);
        for (runtime, (_, max)) in &self.orders {
            let parked = self.parked.values().filter(|(owner, _)| owner == runtime).count();
            assert!(parked <= *max, "{parked} parked where {max} may be");
        }
        let known = |(owner, _): &(RuntimeId, u32)| self.orders.contains_key(owner);
        assert!(self.parked.values().chain(self.starting.values()).all(known), "nobody wants it");
    }
}

fn pick(from: &BTreeMap<Number, (RuntimeId, u32)>, one: usize) -> Option<Number> {
    from.keys().nth(one.checked_rem(from.len())?).copied()
}

fn act(policy: &mut Policy<u32>, reality: &mut Reality, step: Step, now: Moment) -> Vec<Action<u32>> {
    match step {
        Step::Order(owner, kind, min, max) => {
            reality.orders.insert(runtime(owner), (min, max));
            policy.step(ordered(owner, kind, min, max), now)
        }
        Step::Release(owner) => {
            let actions = policy.step(Event::Released(runtime(owner)), now);
            reality.orders.remove(&runtime(owner));
            actions
        }
        Step::Evaluate(owner, kind) => {
            let taken = policy.take(runtime(owner), &kind);
            if let Some(number) = taken {
                assert_eq!(reality.parked.remove(&number), Some((runtime(owner), kind)));
            }
            policy.step(Event::Arrived(runtime(owner)), now)
        }
        Step::Finish(one, well) => {
            let Some(number) = pick(&reality.starting, one) else { return Vec::new() };
            let it = reality.starting.remove(&number).unwrap();
            if well {
                reality.parked.insert(number, it);
                policy.step(Event::Parked(number), now)
            } else {
                policy.step(Event::Failed(number), now)
            }
        }
        Step::Lose(one) => {
            let Some(number) = pick(&reality.parked, one) else { return Vec::new() };
            reality.parked.remove(&number);
            policy.step(Event::Lost(number), now)
        }
        Step::Renew(owner) => policy.step(Event::Renewed(runtime(owner)), now),
        Step::Wait(_) => policy.step(Event::Tick, now),
    }
}

proptest! {
    /// Whatever happens, the bounds hold; and once starts succeed, every minimum is there that fits into the house.
    #[test]
    fn bounds_always_hold_and_minima_come_back(steps in prop::collection::vec(step(), 0..200)) {
        let (mut policy, mut reality, mut now) = (Policy::new(BOUNDS), Reality::default(), at(0));
        for step in steps {
            if let Step::Wait(millis) = &step {
                now += Duration::from_millis(*millis);
            }
            let actions = act(&mut policy, &mut reality, step, now);
            reality.obey(actions);
            reality.check();
        }
        for _ in 0..40 {
            now += Duration::from_secs(65);
            let actions = policy.step(Event::Tick, now);
            reality.obey(actions);
            while let Some(number) = pick(&reality.starting, 0) {
                let it = reality.starting.remove(&number).unwrap();
                reality.parked.insert(number, it);
                let actions = policy.step(Event::Parked(number), now);
                reality.obey(actions);
                reality.check();
            }
        }
        let wanted: usize = reality.orders.values().map(|(min, max)| min.min(max)).sum();
        prop_assert_eq!(reality.parked.len(), wanted.min(BOUNDS.parked), "idle runtimes keep their minimum");
        for (owner, (min, max)) in &reality.orders {
            let (parked, starting, _) = policy.counts(*owner);
            prop_assert!(starting == 0 && parked <= *min.min(max));
        }
    }
}
