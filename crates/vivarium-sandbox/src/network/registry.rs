//! Who is attached, what each may reach, and what became of its attempts: the truth that the forwarder goes by.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::address::{covered, of_instance, plain};
use super::bucket::Bucket;
use super::shares::Shares;

/// The latest attempts that are remembered of an instance.
const REMEMBERED: usize = 8;

/// What became of an attempt of an instance to reach something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The list does not name it.
    NotListed,
    /// It is listed but could not be reached, and why.
    Unreachable(String),
    /// The instance has too many connections already.
    TooMany,
}

/// An attempt to reach something that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What was to be reached.
    pub target: SocketAddr,
    /// What became of it.
    pub outcome: Outcome,
}

/// What the instances of a policy may reach.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) number: u32,
    blocks: watch::Sender<Vec<IpNet>>,
    /// Attempts that were refused, ever.
    refused: AtomicU64,
}

/// An attached instance.
#[derive(Debug)]
pub(super) struct Occupant {
    pub(super) policy: Arc<Policy>,
    pub(super) connections: Semaphore,
    /// Names that it may still ask for.
    pub(super) names: Bucket,
    /// Cancelled when it is detached.
    pub(super) gone: CancellationToken,
    attempts: Mutex<VecDeque<Attempt>>,
}

/// All attached instances by address.
#[derive(Debug)]
pub(super) struct Registry {
    pub(super) shares: Shares,
    occupants: Mutex<HashMap<IpAddr, Arc<Occupant>>>,
}

impl Policy {
    pub(super) fn new(number: u32) -> Arc<Self> {
        Arc::new(Self { number, blocks: watch::Sender::new(Vec::new()), refused: AtomicU64::new(0) })
    }

    pub(super) fn covers(&self, address: IpAddr) -> bool {
        covered(&self.blocks.borrow(), address)
    }

    /// Whether it lists nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.blocks.borrow().is_empty()
    }

    /// From now on; connections to what is not listed any more are cut.
    pub(super) fn set(&self, blocks: Vec<IpNet>) {
        self.blocks.send_replace(blocks);
    }

    /// Takes away what lies in none of `blocks`, from now on.
    pub(super) fn retain(&self, blocks: &[IpNet]) {
        self.blocks.send_modify(|own| *own = common(own, blocks));
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Returns when an address is not covered any more.
    pub(super) async fn revoked(&self, address: IpAddr) {
        let mut blocks = self.blocks.subscribe();
        // An error would mean that the policy is gone, and nothing is listed then.
        let _gone = blocks.wait_for(|blocks| !covered(blocks, address)).await;
    }
}

/// What lies in both lists: of two blocks one holds the other, or they have nothing in common.
fn common(these: &[IpNet], those: &[IpNet]) -> Vec<IpNet> {
    let smaller = |a: &IpNet, b: &IpNet| match () {
        () if a.contains(b) => Some(*b),
        () if b.contains(a) => Some(*a),
        () => None,
    };
    these.iter().flat_map(|a| those.iter().filter_map(move |b| smaller(a, b))).collect()
}

impl Occupant {
    pub(super) fn new(policy: Arc<Policy>, shares: &Shares) -> Arc<Self> {
        Arc::new(Self {
            policy,
            connections: Semaphore::new(shares.each),
            names: Bucket::default(),
            gone: CancellationToken::new(),
            attempts: Mutex::default(),
        })
    }

    /// Remembers an attempt that failed. A script that tries again is told of once.
    pub(super) fn note(&self, target: SocketAddr, outcome: Outcome) {
        if outcome == Outcome::NotListed {
            self.policy.refused.fetch_add(1, Ordering::Relaxed);
        }
        let target = SocketAddr::new(plain(target.ip()), target.port());
        let attempt = Attempt { target, outcome };
        let mut attempts = lock(&self.attempts);
        attempts.retain(|known| *known != attempt);
        if attempts.len() == REMEMBERED {
            attempts.pop_front();
        }
        attempts.push_back(attempt);
    }

    pub(super) fn attempts(&self) -> Vec<Attempt> {
        lock(&self.attempts).iter().cloned().collect()
    }
}

impl Registry {
    /// Nobody yet.
    pub(super) fn new(shares: Shares) -> Self {
        Self { shares, occupants: Mutex::default() }
    }

    pub(super) fn enter(&self, number: u32, occupant: &Arc<Occupant>) {
        let (v4, v6) = of_instance(number);
        let mut occupants = lock(&self.occupants);
        occupants.insert(v4.into(), Arc::clone(occupant));
        occupants.insert(v6.into(), Arc::clone(occupant));
    }

    /// Its connections end.
    pub(super) fn leave(&self, number: u32) {
        let (v4, v6) = of_instance(number);
        let mut occupants = lock(&self.occupants);
        for address in [IpAddr::from(v4), v6.into()] {
            if let Some(occupant) = occupants.remove(&address) {
                occupant.gone.cancel();
            }
        }
    }

    pub(super) fn find(&self, address: IpAddr) -> Option<Arc<Occupant>> {
        lock(&self.occupants).get(&plain(address)).cloned()
    }

    pub(super) fn holds(&self, number: u32) -> bool {
        lock(&self.occupants).contains_key(&of_instance(number).0.into())
    }

    pub(super) fn note(&self, source: IpAddr, target: SocketAddr, outcome: Outcome) {
        if let Some(occupant) = self.find(source) {
            occupant.note(target, outcome);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
