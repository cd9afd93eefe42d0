//! `netlink(7)`: messages as bytes, and sockets that send them and wait for the kernel's answer.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

/// Length of `struct nlmsghdr`.
pub(super) const HEADER_BYTES: usize = 16;
const ANSWER_BYTES: usize = 16 << 10;

/// One request, under construction. All numbers are in the order of the machine unless said otherwise.
pub(super) struct Message(Vec<u8>);

impl Message {
    /// A request that wants an acknowledgement; `body` is the fixed part that its type has.
    pub(super) fn new(kind: u16, flags: i32, body: &[u8]) -> Self {
        let flags = u16::try_from(flags | libc::NLM_F_REQUEST | libc::NLM_F_ACK).unwrap_or_default();
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        bytes.extend(body);
        Self(bytes)
    }

    /// Adds an attribute, padded to four bytes.
    pub(super) fn with(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// Adds an attribute that holds `head` and what `fill` adds.
    pub(super) fn nest(mut self, kind: u16, head: &[u8], fill: impl FnOnce(Self) -> Self) -> Self {
        let start = self.0.len();
        self.0.extend([0; 4]);
        self.0.extend(head);
        let mut filled = fill(self);
        let length = u16::try_from(filled.0.len() - start).unwrap_or(u16::MAX);
        filled.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        filled.0[start + 2..start + 4].copy_from_slice(&kind.to_ne_bytes());
        filled
    }

    fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.0
    }
}

/// A socket in the network namespace that the calling thread was in when it opened it.
pub(super) struct Socket(OwnedFd);

impl Socket {
    /// `None` is `NETLINK_ROUTE`, the protocol with the number zero.
    pub(super) fn open(protocol: Option<Protocol>) -> Result<Self, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol).map(Self)
    }

    /// Sends requests one by one; the first that the kernel refuses ends it. The kernel answers before the call
    /// that sends returns, so nothing is waited for.
    pub(super) fn request(&self, messages: impl IntoIterator<Item = Message>) -> Result<(), Errno> {
        for (sequence, message) in (1..).zip(messages) {
            let bytes = message.finish(sequence);
            sendto(&self.0, &bytes, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
            self.acknowledged(sequence)?;
        }
        Ok(())
    }

    fn acknowledged(&self, sequence: u32) -> Result<(), Errno> {
        let mut buffer = vec![0; ANSWER_BYTES];
        loop {
            let (length, _) = recv(&self.0, &mut buffer[..], RecvFlags::empty())?;
            for (kind, answered, body) in parts(&buffer[..length]) {
                if i32::from(kind) == libc::NLMSG_ERROR && answered == sequence {
                    return outcome(body);
                }
            }
        }
    }

    pub(super) fn into_descriptor(self) -> OwnedFd {
        self.0
    }
}

/// `struct nlmsgerr` begins with a negative errno, or zero.
fn outcome(body: &[u8]) -> Result<(), Errno> {
    match body.first_chunk::<4>().map(|bytes| i32::from_ne_bytes(*bytes)) {
        Some(0) => Ok(()),
        Some(code) => Err(Errno::from_raw_os_error(code.saturating_neg())),
        None => Err(Errno::BADMSG),
    }
}

/// The messages of a datagram: type, sequence number, and what follows the header.
pub(super) fn parts(mut bytes: &[u8]) -> Vec<(u16, u32, &[u8])> {
    let mut found = Vec::new();
    while let Some(header) = bytes.first_chunk::<HEADER_BYTES>() {
        let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let Some(body) = bytes.get(HEADER_BYTES..length) else { break };
        let sequence = u32::from_ne_bytes([header[8], header[9], header[10], header[11]]);
        found.push((u16::from_ne_bytes([header[4], header[5]]), sequence, body));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

/// The attributes of a message: type and value.
pub(super) fn attributes(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut found = Vec::new();
    while let Some(header) = bytes.first_chunk::<4>() {
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let Some(value) = bytes.get(4..length) else { break };
        found.push((u16::from_ne_bytes([header[2], header[3]]), value));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}
