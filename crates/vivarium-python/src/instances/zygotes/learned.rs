//! What the scripts of a runtime load, as far as it is known. Names come from scripts, which say what they like: a name
//! that cannot be loaded costs one try, one that does harm costs one zygote.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// The most that is kept; `import pandas` takes about 900.
const MOST: usize = 3000;
const LONGEST_NAME: usize = 200;
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Names of modules in the order in which they were loaded, and the state of the renewal that they call for.
#[derive(Debug, Default)]
pub(super) struct Learned {
    wanted: Vec<String>,
    known: BTreeSet<String>,
    banned: BTreeSet<String>,
    renewing: bool,
    renewed: Option<Instant>,
    pause: Duration,
}

impl Learned {
    /// The names to load.
    pub(super) fn wanted(&self) -> Vec<String> {
        self.wanted.iter().filter(|name| !self.banned.contains(*name)).cloned().collect()
    }

    /// Whether there was anything new.
    pub(super) fn note(&mut self, names: Vec<String>) -> bool {
        let before = self.wanted.len();
        for name in names {
            if self.wanted.len() < MOST && is_name(&name) && !self.known.contains(&name) {
                self.known.insert(name.clone());
                self.wanted.push(name);
            }
        }
        self.wanted.len() > before
    }

    /// One that cannot be loaded, or must not be.
    pub(super) fn ban(&mut self, name: &str) {
        if self.known.contains(name) {
            self.banned.insert(name.to_owned());
        }
    }

    /// All of them: together they do harm.
    pub(super) fn ban_all(&mut self) {
        self.banned = self.known.clone();
    }

    /// The same knowledge for a zygote of another kind.
    pub(super) fn inherit(&self) -> Self {
        let (wanted, known, banned) = (self.wanted.clone(), self.known.clone(), self.banned.clone());
        Self { wanted, known, banned, ..Self::default() }
    }

    /// Whether the caller shall renew; nobody else does until [`Self::end_renewal`]. The pause before the next one
    /// grows from `first` on.
    pub(super) fn begin_renewal(&mut self, first: Duration) -> bool {
        if self.renewing {
            return false;
        }
        self.renewing = true;
        let rested = self.renewed.is_none_or(|renewed| renewed.elapsed() > LONGEST_PAUSE);
        self.pause = if rested { first } else { (self.pause * 2).clamp(first, LONGEST_PAUSE) };
        true
    }

    /// How long to wait for more before the renewal.
    pub(super) fn pause(&self) -> Duration {
        self.pause
    }

    pub(super) fn end_renewal(&mut self) {
        self.renewing = false;
        self.renewed = Some(Instant::now());
    }
}

/// A dotted name of identifiers; the program that is running is none to load.
fn is_name(name: &str) -> bool {
    let fits = |part: &str| {
        let mut characters = part.chars();
        characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
            && characters.all(|character| character.is_alphanumeric() || character == '_')
    };
    name.len() <= LONGEST_NAME && name != "__main__" && name.split('.').all(fits)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_new_names_of_modules_are_learned_in_their_order() {
        let mut learned = Learned::default();
        assert!(learned.note(names(&["b", "a.c", "../x", "", "a..b", "1a", "__main__", "a b", "x\n"])));
        assert!(!learned.note(names(&["a.c", "b"])));
        assert_eq!(learned.wanted(), ["b", "a.c"]);
    }

    #[test]
    fn what_was_banned_stays_out_and_is_not_learned_again() {
        let mut learned = Learned::default();
        learned.note(names(&["a", "b"]));
        learned.ban("a");
        assert!(!learned.note(names(&["a"])));
        assert_eq!(learned.wanted(), ["b"]);
        learned.ban_all();
        assert!(learned.inherit().wanted().is_empty());
    }

    #[test]
    fn a_flood_of_names_ends_somewhere() {
        let mut learned = Learned::default();
        learned.note((0..10_000).map(|number| format!("m{number}")).collect());
        assert_eq!(learned.wanted().len(), MOST);
        assert!(!learned.note(names(&["more"])));
    }

    #[test]
    fn one_renewal_at_a_time_and_the_next_ones_wait_longer() {
        let mut learned = Learned::default();
        let first = Duration::from_millis(100);
        assert!(learned.begin_renewal(first));
        assert!(!learned.begin_renewal(first));
        assert_eq!(learned.pause(), first);
        learned.end_renewal();
        assert!(learned.begin_renewal(first));
        assert_eq!(learned.pause(), first * 2);
    }
}
