//! The addresses of the router and of instances, and those that no list opens by accident.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Where the router answers: names, and the server's own interface where that is allowed.
pub(super) const GATEWAY_V4: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 1);
/// The same for IPv6.
pub(super) const GATEWAY_V6: Ipv6Addr = Ipv6Addr::new(0xfd76, 0x6976, 0x6172, 0x6975, 0, 0, 0, 1);

/// Instances lie behind the first few addresses.
const FIRST: u32 = 16;
/// Instances that 100.64.0.0/10 has room for.
pub(super) const ROOM: u32 = (1 << 22) - 2 * FIRST;

/// The two addresses of the instance with a number below [`ROOM`].
pub(super) fn of_instance(number: u32) -> (Ipv4Addr, Ipv6Addr) {
    let offset = FIRST + number;
    let v4 = Ipv4Addr::from_bits(Ipv4Addr::new(100, 64, 0, 0).to_bits() + offset);
    let network = GATEWAY_V6.to_bits() - 1;
    (v4, Ipv6Addr::from_bits(network + u128::from(offset)))
}

/// An address as the kernel would use it: `::ffff:192.0.2.1` means `192.0.2.1`.
pub(super) fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Whether a list of blocks opens an address. What means the server itself or nobody in particular is never open;
/// link-local addresses, among them those where clouds tell secrets, only by a block that lies within their range.
pub(super) fn covered(blocks: &[IpNet], address: IpAddr) -> bool {
    let address = plain(address);
    if is_never_open(address) {
        return false;
    }
    let fits = |block: &&IpNet| block.contains(&address);
    match link_local(address) {
        Some(range) => blocks.iter().filter(fits).any(|block| range.contains(block)),
        None => blocks.iter().any(|block| fits(&block)),
    }
}

/// 0.0.0.0/8 and the old form `::a.b.c.d` would lead to the server itself.
fn is_never_open(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.octets()[0] == 0 || v4.is_loopback() || v4.is_multicast() || v4.is_broadcast() || v4 == GATEWAY_V4
        }
        IpAddr::V6(v6) => v6.is_multicast() || v6 == GATEWAY_V6 || v6.segments()[..6] == [0; 6],
    }
}

fn link_local(address: IpAddr) -> Option<IpNet> {
    let range = match address {
        IpAddr::V4(_) => IpNet::new_assert(Ipv4Addr::new(169, 254, 0, 0).into(), 16),
        IpAddr::V6(_) => IpNet::new_assert(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0).into(), 10),
    };
    range.contains(&address).then_some(range)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn is_covered(block: &str, address: &str) -> bool {
        covered(&[block.parse().unwrap()], address.parse().unwrap())
    }

    #[test]
    fn a_list_opens_what_lies_in_its_blocks() {
        assert!(is_covered("10.0.0.0/8", "10.255.0.1"));
        assert!(is_covered("10.0.0.0/8", "::ffff:10.1.2.3"), "a mapped address is the one it means");
        assert!(is_covered("2001:db8::/32", "2001:db8::1"));
        assert!(!is_covered("10.0.0.0/8", "11.0.0.1"));
        assert!(!is_covered("::/0", "::ffff:10.1.2.3"), "a mapped address is not one of IPv6");
    }

    #[test]
    fn nothing_opens_the_server_itself() {
        for address in ["127.0.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "100.64.0.1"] {
            assert!(!is_covered("0.0.0.0/0", address), "{address}");
        }
        for address in ["::1", "::", "::ffff:127.0.0.1", "::127.0.0.1", "ff02::1"] {
            assert!(!is_covered("::/0", address) && !is_covered("0.0.0.0/0", address), "{address}");
        }
        assert!(!is_covered("127.0.0.0/8", "127.0.0.1"));
    }

    #[test]
    fn link_local_addresses_need_a_block_of_their_own() {
        assert!(!is_covered("0.0.0.0/0", "169.254.169.254"));
        assert!(is_covered("169.254.169.254/32", "169.254.169.254"));
        assert!(!is_covered("::/0", "fe80::1"));
        assert!(is_covered("fe80::/10", "fe80::1"));
    }

    #[test]
    fn each_instance_has_addresses_of_its_own() {
        assert_eq!(of_instance(0).0.to_string(), "100.64.0.16");
        assert_eq!(of_instance(ROOM - 1).0.to_string(), "100.127.255.239");
        assert_eq!(of_instance(1).1.to_string(), "fd76:6976:6172:6975::11");
    }
}
