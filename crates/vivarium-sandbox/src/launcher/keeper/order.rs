//! The server's order to fork an instance, with what belongs to it.

use std::os::fd::OwnedFd;

use super::message;
use crate::layer::Layer;
use crate::plan::Scratch;
use crate::wire::{FORK_DESCRIPTORS, ForkOrder};

/// An order whose descriptors are sorted out.
pub(super) struct Errand {
    pub(super) host_id: Option<u32>,
    pub(super) scratch: Scratch,
    /// What the server hears of the instance, and whose end ends it.
    pub(super) channel: OwnedFd,
    /// Standard output, standard error, control.
    pub(super) handed: [OwnedFd; 3],
    /// The files by which a process enters a cgroup, opened by the server, who may.
    pub(super) entries: Vec<(Layer, OwnedFd)>,
    pub(super) oom_event: Option<OwnedFd>,
}

/// `None` when the server wants no more forks; both sides are the same build, so nothing else comes.
pub(super) fn receive(orders: &OwnedFd) -> Option<Errand> {
    let (text, mut descriptors) = message::receive(orders)?;
    let order: ForkOrder = serde_json::from_slice(&text).ok()?;
    let wanted = FORK_DESCRIPTORS + order.entries.len() + usize::from(order.oom_event);
    if descriptors.len() != wanted {
        return None;
    }
    let oom_event = if order.oom_event { descriptors.pop() } else { None };
    let entries = order.entries.into_iter().zip(descriptors.split_off(FORK_DESCRIPTORS)).collect();
    let [channel, stdout, stderr, control] = descriptors.try_into().ok()?;
    let (host_id, scratch, handed) = (order.host_id, order.scratch, [stdout, stderr, control]);
    Some(Errand { host_id, scratch, channel, handed, entries, oom_event })
}
