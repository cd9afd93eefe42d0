//! How much a runtime was asked for lately.

use std::collections::VecDeque;
use std::time::Duration;

/// Arrivals within one span can find nothing that was started because of each other.
const SPAN: Duration = Duration::from_secs(1);

/// Demand so old is forgotten.
const MEMORY: Duration = Duration::from_secs(60);

/// Arrivals by span, the newest last.
#[derive(Debug, Default)]
pub(super) struct Demand {
    spans: VecDeque<(u64, usize)>,
}

impl Demand {
    pub(super) fn note(&mut self, now: Duration) {
        let span = span(now);
        self.spans.retain(|(past, _)| !is_forgotten(*past, span));
        match self.spans.back_mut() {
            Some((last, count)) if *last == span => *count += 1,
            _ => self.spans.push_back((span, 1)),
        }
    }

    /// The most arrivals of one span that are remembered.
    pub(super) fn peak(&self, now: Duration) -> usize {
        let remembered = self.spans.iter().filter(|(past, _)| !is_forgotten(*past, span(now)));
        remembered.map(|(_, count)| *count).max().unwrap_or(0)
    }
}

fn span(now: Duration) -> u64 {
    now.as_secs() / SPAN.as_secs()
}

fn is_forgotten(past: u64, now: u64) -> bool {
    now.saturating_sub(past) > MEMORY.as_secs() / SPAN.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_counts_and_is_forgotten_after_a_while() {
        let mut demand = Demand::default();
        assert_eq!(demand.peak(Duration::ZERO), 0);
        for millis in [0, 100, 900, 1000, 5000] {
            demand.note(Duration::from_millis(millis));
        }
        assert_eq!(demand.peak(Duration::from_secs(5)), 3);
        assert_eq!(demand.peak(Duration::from_secs(61)), 1);
        assert_eq!(demand.peak(Duration::from_secs(66)), 0);
    }
}
