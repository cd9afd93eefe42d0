//! `synchronizationStatus` (contract 4.1).

use std::collections::BTreeSet;

use vivarium_domain::runtime::{RuntimeView, Synchronization};

use crate::language::{Catalogue, Code, Message};

/// `ok`, `synchronizing`, or an error message. The domain has decided already that one failed node outweighs
/// others that are still at it.
pub(super) fn status_text(view: &RuntimeView, catalogue: &Catalogue) -> String {
    match fault(view) {
        Some(message) => catalogue.text(&message),
        None if view.synchronization == Synchronization::InProgress => "synchronizing".to_owned(),
        None => "ok".to_owned(),
    }
}

/// The error that all failed nodes have in common, or the message that they have different ones.
fn fault(view: &RuntimeView) -> Option<Message> {
    let Synchronization::Failed(faults) = &view.synchronization else { return None };
    let name = view.runtime.definition.name.as_str();
    let mut reasons: BTreeSet<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
    let common = reasons.pop_first().filter(|_| reasons.is_empty());
    Some(match common {
        Some(reason) => Message::new(Code::SynchronizationError).with("runtime", name).with("reason", reason),
        None => Message::new(Code::SeveralSynchronizationErrors).with("runtime", name),
    })
}
