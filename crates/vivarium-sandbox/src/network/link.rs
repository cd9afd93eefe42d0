//! The pair of interfaces between the router and one instance, made through `rtnetlink(7)`.
//!
//! Neither end resolves neighbours (`IFF_NOARP`, one hardware address for both), so that nothing but addressed
//! packets ever travels, and no announcement has to be waited for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, ThreadNameSpaceType, move_into_link_name_space, move_into_thread_name_spaces};

use super::address::{GATEWAY_V4, GATEWAY_V6, of_instance};
use super::fault::NetworkFault;
use super::netlink::{Message, Socket};

/// `veth.h`: the attribute that describes the other end.
const VETH_INFO_PEER: u16 = 1;
/// Index of `lo`, in every namespace.
const LOOPBACK: u32 = 1;
/// Index of the instance's end, above those that modules give to their own interfaces.
const INSIDE: u32 = 1000;
/// Added to the number of the instance for the index of the router's end.
const FIRST_INDEX: u32 = 1000;
const CREATE: i32 = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
const MAIN_TABLE: u8 = 254;

/// The router's own namespace, as seen by its thread.
pub(super) struct Home {
    namespace: OwnedFd,
    socket: Socket,
    /// Whether the kernel gives IPv6.
    v6: bool,
}

/// What is to be attached.
pub(super) struct Wire {
    /// Of the instance, below [`super::address::ROOM`].
    pub(super) number: u32,
    /// The number of its policy, which becomes the group of the interface.
    pub(super) policy: u32,
}

impl Home {
    /// Gives the router its addresses. To be called once, by the thread that is in the namespace.
    pub(super) fn furnish() -> Result<Self, NetworkFault> {
        let fault = |errno| NetworkFault::kernel("make the router", errno);
        crate::sys::raise_loopback().map_err(fault)?;
        let socket = Socket::open(None).map_err(fault)?;
        socket.request([address(LOOPBACK, GATEWAY_V4.into())]).map_err(fault)?;
        // Hosts without IPv6 refuse it, and then nobody could use it.
        let v6 = socket.request([address(LOOPBACK, GATEWAY_V6.into())]).is_ok();
        let namespace = present_namespace().map_err(fault)?;
        Ok(Self { namespace, socket, v6 })
    }

    pub(super) fn has_v6(&self) -> bool {
        self.v6
    }

    /// Connects the namespace of a process. The pair goes with that namespace, or by [`Self::detach`].
    pub(super) fn attach(&self, pidfd: &OwnedFd, wire: &Wire) -> Result<(), NetworkFault> {
        let fault = |errno| NetworkFault::kernel("attach the instance to the network", errno);
        let (namespace, inside) = self.visit(pidfd).map_err(fault)?;
        self.socket.request([pair(wire, &namespace)]).map_err(fault)?;
        let done = self.socket.request(self.outer(wire)).and_then(|()| inside.request(self.inner(wire)));
        done.map_err(|errno| {
            self.detach(wire.number);
            fault(errno)
        })
    }

    /// Removes the pair, if it is still there.
    pub(super) fn detach(&self, number: u32) {
        // It is gone already where the instance was faster.
        let _ = self.socket.request([Message::new(libc::RTM_DELLINK, 0, &interface(FIRST_INDEX + number, 0))]);
    }

    /// Enters the namespace of a process for a moment, and brings a descriptor of it and a socket in it.
    fn visit(&self, pidfd: &OwnedFd) -> Result<(OwnedFd, Socket), Errno> {
        move_into_thread_name_spaces(pidfd.as_fd(), ThreadNameSpaceType::NETWORK)?;
        let brought = present_namespace().and_then(|namespace| Ok((namespace, Socket::open(None)?)));
        if let Err(errno) = move_into_link_name_space(self.namespace.as_fd(), Some(LinkNameSpaceType::Network)) {
            // A router in a foreign namespace would be worse than none: its thread ends.
            panic!("cannot return to the router's namespace: {errno}");
        }
        brought
    }

    fn outer(&self, wire: &Wire) -> Vec<Message> {
        let (v4, v6) = of_instance(wire.number);
        let index = FIRST_INDEX + wire.number;
        let mut messages = vec![route(index, Some(v4.into()), libc::AF_INET)];
        if self.v6 {
            messages.push(route(index, Some(v6.into()), libc::AF_INET6));
        }
        messages
    }

    fn inner(&self, wire: &Wire) -> Vec<Message> {
        let (v4, v6) = of_instance(wire.number);
        let up = Message::new(libc::RTM_SETLINK, 0, &interface(INSIDE, libc::IFF_UP));
        let mut messages = vec![up, address(INSIDE, v4.into()), route(INSIDE, None, libc::AF_INET)];
        if self.v6 {
            messages.extend([address(INSIDE, v6.into()), route(INSIDE, None, libc::AF_INET6)]);
        }
        messages
    }
}

fn present_namespace() -> Result<OwnedFd, Errno> {
    use rustix::fs::{Mode, OFlags, open};
    open("/proc/thread-self/ns/net", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

/// `struct ifinfomsg`.
fn interface(index: u32, flags: i32) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[4..8].copy_from_slice(&index.to_ne_bytes());
    bytes[8..12].copy_from_slice(&flags.to_ne_bytes());
    bytes[12..16].copy_from_slice(&flags.to_ne_bytes());
    bytes
}

/// Both ends; the router's is up from the beginning, the other one cannot be before there are two.
fn pair(wire: &Wire, namespace: &OwnedFd) -> Message {
    let number = wire.number.to_be_bytes();
    let hardware = [2, 0x76, number[0], number[1], number[2], number[3]];
    let descriptor = namespace.as_raw_fd().to_ne_bytes();
    Message::new(libc::RTM_NEWLINK, CREATE, &interface(FIRST_INDEX + wire.number, libc::IFF_UP | libc::IFF_NOARP))
        .with(libc::IFLA_IFNAME, format!("v{}\0", wire.number).as_bytes())
        .with(libc::IFLA_ADDRESS, &hardware)
        .with(libc::IFLA_GROUP, &wire.policy.to_ne_bytes())
        .nest(libc::IFLA_LINKINFO, &[], |info| {
            info.with(libc::IFLA_INFO_KIND, b"veth\0").nest(libc::IFLA_INFO_DATA, &[], |data| {
                data.nest(VETH_INFO_PEER, &interface(INSIDE, libc::IFF_NOARP), |peer| {
                    peer.with(libc::IFLA_IFNAME, b"eth0\0")
                        .with(libc::IFLA_ADDRESS, &hardware)
                        .with(libc::IFLA_NET_NS_FD, &descriptor)
                })
            })
        })
}

fn bytes_of(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

fn byte(number: i32) -> u8 {
    u8::try_from(number).unwrap_or_default()
}

/// `struct ifaddrmsg`: one address without a network around it, used at once.
fn address(index: u32, address: IpAddr) -> Message {
    let (family, bits) = match address {
        IpAddr::V4(_) => (libc::AF_INET, 32),
        IpAddr::V6(_) => (libc::AF_INET6, 128),
    };
    let flags = u8::try_from(libc::IFA_F_NODAD).unwrap_or_default();
    let mut body = vec![byte(family), bits, flags, 0];
    body.extend(index.to_ne_bytes());
    let bytes = bytes_of(address);
    Message::new(libc::RTM_NEWADDR, CREATE, &body).with(libc::IFA_LOCAL, &bytes).with(libc::IFA_ADDRESS, &bytes)
}

/// `struct rtmsg`: to one address, or to everywhere, right behind an interface.
fn route(index: u32, target: Option<IpAddr>, family: i32) -> Message {
    let bits = match target {
        None => 0,
        Some(IpAddr::V4(_)) => byte(Ipv4Addr::BITS.cast_signed()),
        Some(IpAddr::V6(_)) => byte(Ipv6Addr::BITS.cast_signed()),
    };
    let scope = if family == libc::AF_INET { libc::RT_SCOPE_LINK } else { libc::RT_SCOPE_UNIVERSE };
    let mut body = vec![byte(family), bits, 0, 0, MAIN_TABLE, libc::RTPROT_STATIC, scope, libc::RTN_UNICAST];
    body.extend([0; 4]);
    let message = Message::new(libc::RTM_NEWROUTE, CREATE, &body).with(libc::RTA_OIF, &index.to_ne_bytes());
    match target {
        Some(address) => message.with(libc::RTA_DST, &bytes_of(address)),
        None => message,
    }
}
