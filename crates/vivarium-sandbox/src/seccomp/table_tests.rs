//! The list is data, so it can be looked at.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

#[test]
fn every_entry_has_a_reason() {
    let calls = allowed().chain(of_zygotes()).chain(of_inits()).map(|(_, call)| call.reason);
    let reasons = calls.chain(every_refused().map(|refused| refused.reason));
    for reason in reasons {
        assert!(reason.len() >= 6 && !reason.ends_with('.'), "{reason:?}");
    }
}

/// Only calls with conditions may be shared by two themes.
#[test]
fn no_call_is_listed_twice() {
    let mut seen = BTreeMap::<u32, Vec<Theme>>::new();
    for (theme, call) in allowed() {
        let themes = seen.entry(call.number()).or_default();
        let shared = matches!(call.when, When::Any(_));
        assert!(themes.is_empty() || shared && !themes.contains(&theme), "call {} in {themes:?}", call.number());
        themes.push(theme);
    }
    let refused: Vec<_> = refused().collect();
    let distinct: BTreeSet<_> = refused.iter().collect();
    assert_eq!(distinct.len(), refused.len());
    assert!(refused.iter().all(|number| !seen.contains_key(number)), "both allowed and refused");
}

#[test]
fn no_condition_is_empty() {
    for (_, call) in allowed() {
        let alternatives = match call.when {
            When::Always => 1,
            When::OneOf(_, values) => values.len(),
            When::Any(rules) => rules.iter().filter(|tests| !tests.is_empty()).count(),
        };
        assert!(alternatives > 0, "call {}", call.number());
    }
}

#[test]
fn what_must_never_be_allowed_is_not_in_the_list() {
    let never = [
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_mount,
        libc::SYS_bpf,
        libc::SYS_ptrace,
        libc::SYS_clone3,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_keyctl,
        libc::SYS_userfaultfd,
        libc::SYS_perf_event_open,
        libc::SYS_open_by_handle_at,
        libc::SYS_seccomp,
        libc::SYS_landlock_create_ruleset,
    ];
    for (_, call) in allowed() {
        assert!(!never.contains(&libc::c_long::from(call.number())), "call {}", call.number());
    }
}
