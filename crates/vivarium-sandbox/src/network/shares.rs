//! How many connections there may be at once, so that instances cannot use up the server's descriptors.

use std::sync::Arc;

use rustix::process::{Resource, getrlimit};
use tokio::sync::Semaphore;

/// The most for one instance.
const EACH: usize = 256;
/// The most for all together.
const ALL: usize = 16 << 10;

/// What may be had at once; a connection takes two descriptors.
#[derive(Debug)]
pub(super) struct Shares {
    /// By one instance.
    pub(super) each: usize,
    /// By all together.
    pub(super) all: Arc<Semaphore>,
}

impl Shares {
    /// Half of the descriptors that this process may have, `getrlimit(2)`.
    pub(super) fn of_process() -> Self {
        Self::of(getrlimit(Resource::Nofile).current)
    }

    /// No instance takes more than a quarter of what there is.
    fn of(descriptors: Option<u64>) -> Self {
        let limit = descriptors.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let all = (limit / 4).clamp(1, ALL);
        Self { each: (all / 4).clamp(1, EACH), all: Arc::new(Semaphore::new(all)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_descriptors_stay_with_the_server() {
        let shares = |limit| {
            let shares = Shares::of(limit);
            (shares.each, shares.all.available_permits())
        };
        assert_eq!(shares(Some(1024)), (64, 256));
        assert_eq!(shares(Some(1 << 20)), (EACH, ALL));
        assert_eq!(shares(None), (EACH, ALL));
        assert_eq!(shares(Some(0)), (1, 1));
    }
}
