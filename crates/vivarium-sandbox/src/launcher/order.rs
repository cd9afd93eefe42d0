//! Receives the order and its descriptors from the server.

use std::io::{IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};

use crate::wire::{BORROWED_DESCRIPTORS, Order};

/// The order with all that belongs to it.
pub(super) struct Errand {
    pub(super) order: Order,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
    pub(super) control: OwnedFd,
    pub(super) report: OwnedFd,
}

/// Without a whole errand there is nobody to tell: the server sees the channel end.
pub(super) fn receive(channel: impl AsFd) -> Option<Errand> {
    let descriptors = receive_descriptors(channel)?;
    let [plan, stdout, stderr, control, report] = descriptors.try_into().ok()?;
    let mut text = Vec::new();
    std::fs::File::from(plan).read_to_end(&mut text).ok()?;
    let order = serde_json::from_slice(&text).ok()?;
    Some(Errand { order, stdout, stderr, control, report })
}

fn receive_descriptors(channel: impl AsFd) -> Option<Vec<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BORROWED_DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut parts = [IoSliceMut::new(&mut byte)];
    let message = recvmsg(channel, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC).ok()?;
    if message.bytes == 0 {
        return None;
    }
    Some(received(&mut ancillary))
}

/// The descriptors that came with a message.
pub(super) fn received(ancillary: &mut RecvAncillaryBuffer<'_>) -> Vec<OwnedFd> {
    let mut descriptors = Vec::new();
    for part in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = part {
            descriptors.extend(rights);
        }
    }
    descriptors
}

/// Gives the server its own handle on pid 1, before pid 1 may do anything.
pub(super) fn announce(channel: impl AsFd, pidfd: &OwnedFd) -> rustix::io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let rights = [pidfd.as_fd()];
    ancillary.push(SendAncillaryMessage::ScmRights(&rights));
    let parts = [std::io::IoSlice::new(&[1])];
    sendmsg(channel, &parts, &mut ancillary, SendFlags::NOSIGNAL).map(drop)
}
