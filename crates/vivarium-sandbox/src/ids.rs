//! Host user ids: handed out in turn, taken back only when the last owner is wholly gone.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::SandboxError;
use crate::settings::IdRange;

/// All ids of one server.
#[derive(Debug)]
pub(crate) struct Ids {
    range: IdRange,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u32,
    leased: BTreeSet<u32>,
}

/// One id; freed on drop.
#[derive(Debug)]
pub(crate) struct Lease {
    id: u32,
    ids: Arc<Ids>,
}

impl Ids {
    pub(crate) fn new(range: IdRange) -> Arc<Self> {
        let state = Mutex::default();
        Arc::new(Self { range, state })
    }

    /// Goes on from the last id, so that a freed one rests as long as possible.
    pub(crate) fn lease(self: &Arc<Self>) -> Result<Lease, SandboxError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..self.range.count {
            let id = self.range.first + state.next;
            state.next = (state.next + 1) % self.range.count;
            if state.leased.insert(id) {
                let ids = Arc::clone(self);
                return Ok(Lease { id, ids });
            }
        }
        Err(SandboxError::IdsExhausted(self.range.count))
    }
}

impl Lease {
    pub(crate) fn id(&self) -> u32 {
        self.id
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.ids.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.leased.remove(&self.id);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_id_is_not_handed_out_again_before_the_others() {
        let ids = Ids::new(IdRange { first: 100_000, count: 3 });
        let first = ids.lease().unwrap();
        let _second = ids.lease().unwrap();
        drop(first);
        let third = ids.lease().unwrap();
        assert_eq!(third.id(), 100_002);
        assert_eq!(ids.lease().unwrap().id(), 100_000);
    }

    #[test]
    fn an_exhausted_range_is_an_error() {
        let ids = Ids::new(IdRange { first: 100_000, count: 1 });
        let _only = ids.lease().unwrap();
        assert!(matches!(ids.lease(), Err(SandboxError::IdsExhausted(1))));
    }
}
