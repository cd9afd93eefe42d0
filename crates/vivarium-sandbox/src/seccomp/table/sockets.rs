//! Sockets of the few families that a script needs. The network namespace decides what they reach.

use super::super::condition::{Test, When, equal, masked, not};
use super::{Call, asked, call};

const UNIX: Test = equal(0, libc::AF_UNIX.cast_unsigned());
const INTERNET: [Test; 2] = [equal(0, libc::AF_INET.cast_unsigned()), equal(0, libc::AF_INET6.cast_unsigned())];
/// Without SOCK_NONBLOCK and SOCK_CLOEXEC.
const STREAM: Test = masked(1, 0xf, libc::SOCK_STREAM.cast_unsigned());
const DATAGRAM: Test = masked(1, 0xf, libc::SOCK_DGRAM.cast_unsigned());
const ANY_PROTOCOL: Test = equal(2, 0);
const TCP: Test = equal(2, libc::IPPROTO_TCP.cast_unsigned());
const UDP: Test = equal(2, libc::IPPROTO_UDP.cast_unsigned());
const ROUTING: [Test; 2] = [equal(0, libc::AF_NETLINK.cast_unsigned()), equal(2, libc::NETLINK_ROUTE.cast_unsigned())];

/// No raw and packet sockets, no other protocols: each is code of the kernel that nobody needs.
const KINDS: &[&[Test]] = &[
    &[UNIX],
    &[INTERNET[0], STREAM, ANY_PROTOCOL],
    &[INTERNET[0], STREAM, TCP],
    &[INTERNET[0], DATAGRAM, ANY_PROTOCOL],
    &[INTERNET[0], DATAGRAM, UDP],
    &[INTERNET[1], STREAM, ANY_PROTOCOL],
    &[INTERNET[1], STREAM, TCP],
    &[INTERNET[1], DATAGRAM, ANY_PROTOCOL],
    &[INTERNET[1], DATAGRAM, UDP],
    // getaddrinfo and if_nameindex read addresses and interfaces by it.
    &ROUTING,
];

/// No packet filter programs (26, 50 to 52): they would be compiled into the kernel.
const SOCKET_LEVEL: &[Test] =
    &[equal(1, libc::SOL_SOCKET.cast_unsigned()), not(2, 26), not(2, 50), not(2, 51), not(2, 52)];

/// Not the kernel's TLS, cryptography, packet and other modules.
const OPTIONS: &[&[Test]] = &[
    SOCKET_LEVEL,
    &[equal(1, libc::IPPROTO_IP.cast_unsigned())],
    &[equal(1, libc::IPPROTO_IPV6.cast_unsigned())],
    &[equal(1, libc::IPPROTO_TCP.cast_unsigned()), not(2, TCP_ULP)],
    &[equal(1, libc::IPPROTO_UDP.cast_unsigned())],
    &[equal(1, libc::SOL_NETLINK.cast_unsigned())],
];

/// Loads another protocol above TCP.
const TCP_ULP: u32 = 31;

pub(super) const CALLS: &[Call] = &[
    asked(libc::SYS_socket, When::Any(KINDS), "Unix, TCP and UDP sockets, and questions about interfaces"),
    asked(libc::SYS_socketpair, When::Any(&[&[UNIX]]), "asyncio and multiprocessing wake themselves"),
    asked(libc::SYS_setsockopt, When::Any(OPTIONS), "timeouts, reuse of addresses, keep-alive"),
    call(libc::SYS_getsockopt, "the error of a connection"),
    call(libc::SYS_bind, "servers; within the network namespace"),
    call(libc::SYS_listen, "servers; within the network namespace"),
    call(libc::SYS_accept, "servers"),
    call(libc::SYS_accept4, "servers"),
    call(libc::SYS_connect, "clients; within the network namespace"),
    call(libc::SYS_getsockname, "addresses"),
    call(libc::SYS_getpeername, "addresses"),
    call(libc::SYS_sendto, "sends data"),
    call(libc::SYS_sendmsg, "sends; descriptors between the instance's own processes"),
    call(libc::SYS_sendmmsg, "the C library's resolver"),
    call(libc::SYS_recvfrom, "receives data"),
    call(libc::SYS_recvmsg, "receives data"),
    call(libc::SYS_recvmmsg, "receives data"),
    call(libc::SYS_shutdown, "ends one direction"),
];
