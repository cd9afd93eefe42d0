//! Blocks of addresses that instances may reach.

use std::net::IpAddr;

use ipnet::IpNet;

/// How the fault of a runtime begins whose whitelist cannot be enforced; the reason follows.
pub(crate) const UNENFORCED: &str = "its whitelist cannot be enforced: ";

/// Reads a block in CIDR notation. A bare address means its /32 or /128.
/// A block with host bits set is refused with a hint that names the network.
pub fn parse_block(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address));
    }
    let block: IpNet = text
        .parse()
        .map_err(|_| format!("`{text}` is not an IPv4 or IPv6 block in CIDR notation such as `10.20.0.0/16`"))?;
    if block.trunc() == block {
        return Ok(block);
    }
    Err(format!("`{text}` has host bits set; did you mean `{}`", block.trunc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_bare_addresses_are_read() {
        for (text, block) in [
            ("10.20.0.0/16", "10.20.0.0/16"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("::1", "::1/128"),
            (" 2001:db8::/32 ", "2001:db8::/32"),
        ] {
            assert_eq!(parse_block(text).unwrap().to_string(), block);
        }
    }

    #[test]
    fn anything_else_is_refused_with_a_reason() {
        for text in ["10.0.0.0/33", "10.0.0", "host.example", "10.0.0.0/-1", "::/129", "10.0.0.0/8/8", "*"] {
            assert!(parse_block(text).is_err(), "{text}");
        }
        assert!(parse_block("10.1.2.3/8").unwrap_err().contains("did you mean `10.0.0.0/8`"));
    }
}
