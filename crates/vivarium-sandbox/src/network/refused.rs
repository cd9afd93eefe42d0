//! Hears of refused packets through `NFLOG`, and tells whom they were for.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{RecvFlags, netlink, recv};

use super::netlink::{Message, Socket, attributes, parts};
use super::registry::{Outcome, Registry};
use super::rules::{LOG_BYTES, LOG_GROUP};
use crate::sys;

/// `nfnetlink.h` and `nfnetlink_log.h`.
const SUBSYSTEM: u16 = 4;
const PACKET: u16 = SUBSYSTEM << 8;
const CONFIGURE: u16 = (SUBSYSTEM << 8) | 1;
const COMMAND: u16 = 1;
const MODE: u16 = 2;
const BIND: u8 = 1;
const COPY_PACKET: u8 = 2;
const PAYLOAD: u16 = 9;
/// `struct nfgenmsg`.
const FAMILY_HEADER_BYTES: usize = 4;

const BUFFER_BYTES: usize = 64 << 10;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// A socket that hears of them, in the namespace of the calling thread.
pub(super) fn subscribe() -> io::Result<OwnedFd> {
    let socket = Socket::open(Some(netlink::NETFILTER))?;
    let group = LOG_GROUP.to_be_bytes();
    let head = [0, 0, group[0], group[1]];
    let mut mode = [0; 6];
    mode[..4].copy_from_slice(&LOG_BYTES.to_be_bytes());
    mode[4] = COPY_PACKET;
    let bind = Message::new(CONFIGURE, 0, &head).with(COMMAND, &[BIND]);
    socket.request([bind, Message::new(CONFIGURE, 0, &head).with(MODE, &mode)])?;
    Ok(socket.into_descriptor())
}

/// Listens until the task is dropped.
pub(super) async fn listen(socket: Arc<OwnedFd>, registry: Arc<Registry>) -> io::Result<()> {
    let ready = sys::watch_readiness(Arc::clone(&socket))?;
    loop {
        let mut guard = ready.readable().await?;
        take_in(&socket, &registry);
        guard.clear_ready();
    }
}

/// Takes in what has been told up to now.
pub(super) fn take_in(socket: &OwnedFd, registry: &Registry) {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match recv(socket, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((length, _)) => tell(&buffer[..length], registry),
            // Told too fast: some is lost, the rest comes.
            Err(Errno::INTR | Errno::NOBUFS) => {}
            Err(_) => return,
        }
    }
}

fn tell(datagram: &[u8], registry: &Registry) {
    for (kind, _, body) in parts(datagram) {
        let Some(rest) = body.get(FAMILY_HEADER_BYTES..).filter(|_| kind == PACKET) else { continue };
        let payload = attributes(rest).into_iter().find(|(kind, _)| *kind == PAYLOAD);
        if let Some((source, target)) = payload.and_then(|(_, packet)| ends(packet)) {
            registry.note(source, target, Outcome::NotListed);
        }
    }
}

/// Source, and target with its port, of a packet without fragments or extension headers.
fn ends(packet: &[u8]) -> Option<(IpAddr, SocketAddr)> {
    let (source, target, protocol, rest): (IpAddr, IpAddr, u8, &[u8]) = match packet.first()? >> 4 {
        4 => {
            let head = packet.first_chunk::<20>()?;
            let [.., a, b, c, d, e, f, g, h] = *head;
            let length = usize::from(head[0] & 15) * 4;
            (Ipv4Addr::new(a, b, c, d).into(), Ipv4Addr::new(e, f, g, h).into(), head[9], packet.get(length..)?)
        }
        6 => {
            let head = packet.first_chunk::<40>()?;
            let address = |from: usize| <[u8; 16]>::try_from(&head[from..from + 16]).ok().map(Ipv6Addr::from);
            (address(8)?.into(), address(24)?.into(), head[6], packet.get(40..)?)
        }
        _ => return None,
    };
    let port = match (protocol, rest) {
        (TCP | UDP, [_, _, high, low, ..]) => u16::from_be_bytes([*high, *low]),
        _ => return None,
    };
    Some((source, SocketAddr::new(target, port)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn packets_tell_who_wanted_what() {
        let mut packet = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, TCP, 0, 0, 100, 64, 0, 16, 10, 9, 9, 9];
        packet.extend([0x30, 0x39, 0x01, 0xbb]);
        let (source, target) = ends(&packet).unwrap();
        assert_eq!((source.to_string(), target.to_string()), ("100.64.0.16".into(), "10.9.9.9:443".into()));
        for length in 0..packet.len() {
            assert!(ends(&packet[..length]).is_none(), "{length}");
        }
        packet[9] = 1;
        assert!(ends(&packet).is_none(), "ICMP has no ports");
    }
}
