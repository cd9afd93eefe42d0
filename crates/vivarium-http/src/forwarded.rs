//! What trusted proxies say of a request: `Forwarded` (RFC 7239), or else the `X-Forwarded-*` headers.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// What the headers say, as far as it comes from a trusted proxy.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Forwarded {
    pub(crate) client: Option<IpAddr>,
    pub(crate) scheme: Option<String>,
    pub(crate) host: Option<String>,
}

/// One hop, as the proxy behind it saw it.
#[derive(Debug, Default, Clone)]
struct Hop {
    address: Option<IpAddr>,
    scheme: Option<String>,
    host: Option<String>,
}

impl Forwarded {
    /// Reads the headers of a request that came from `peer`. Nothing is believed unless the peer is trusted.
    pub(crate) fn read(headers: &HeaderMap, peer: IpAddr, trusted: &[IpNet]) -> Self {
        if !is_trusted(peer, trusted) {
            return Self::default();
        }
        let hops = if headers.contains_key("forwarded") { standard_hops(headers) } else { customary_hops(headers) };
        Self::from_hops(&hops, trusted)
    }

    /// The hop nearest to the client of which a trusted proxy has told: from the right, the first that is no proxy of ours.
    fn from_hops(hops: &[Hop], trusted: &[IpNet]) -> Self {
        let stranger = |hop: &&Hop| !hop.address.is_some_and(|address| is_trusted(address, trusted));
        let hop = hops.iter().rev().find(stranger).or(hops.first()).cloned().unwrap_or_default();
        Self { client: hop.address, scheme: hop.scheme, host: hop.host }
    }
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|block| block.contains(&address.to_canonical()))
}

fn standard_hops(headers: &HeaderMap) -> Vec<Hop> {
    values(headers, "forwarded").iter().map(|element| standard_hop(element)).collect()
}

fn standard_hop(element: &str) -> Hop {
    let mut hop = Hop::default();
    for pair in element.split(';') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "for" => hop.address = parse_address(value),
            "proto" => hop.scheme = Some(value.to_ascii_lowercase()),
            "host" => hop.host = Some(value.to_owned()),
            _ => {}
        }
    }
    hop
}

/// `X-Forwarded-For` lists the hops; the nearest proxy's word on scheme, host and port counts for all of them.
fn customary_hops(headers: &HeaderMap) -> Vec<Hop> {
    let last = |name: &str| values(headers, name).pop();
    let scheme = last("x-forwarded-proto").map(|scheme| scheme.to_ascii_lowercase());
    let host = last("x-forwarded-host").map(|host| with_port(host, last("x-forwarded-port")));
    let addresses = values(headers, "x-forwarded-for");
    let hop = |address: Option<IpAddr>| Hop { address, scheme: scheme.clone(), host: host.clone() };
    if addresses.is_empty() {
        return vec![hop(None)];
    }
    addresses.iter().map(|address| hop(parse_address(address))).collect()
}

fn with_port(host: String, port: Option<String>) -> String {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    match port {
        Some(port) if !has_port => format!("{host}:{port}"),
        _ => host,
    }
}

/// The elements of a comma-separated header over all its lines.
fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|element| element.trim().to_owned()).collect()
}

/// An address with or without a port; in brackets if it is of version 6 with one.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(lines: &[(&'static str, &str)], peer: &str) -> Forwarded {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        Forwarded::read(&headers, peer.parse().unwrap(), &trusted)
    }

    #[test]
    fn strangers_are_not_believed() {
        let lines = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1;proto=https")];
        assert_eq!(read(&lines, "203.0.113.9"), Forwarded::default());
    }

    #[test]
    fn the_nearest_hop_that_is_no_proxy_of_ours_is_the_client() {
        let lines = [("x-forwarded-for", "198.51.100.1, 192.0.2.1"), ("x-forwarded-for", "10.1.1.1")];
        assert_eq!(read(&lines, "10.0.0.1").client, Some("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn the_standard_header_wins_and_may_quote() {
        let lines = [
            ("forwarded", r#"for=198.51.100.1, For="[2001:db8::7]:4711";Proto=HTTPS;host="example.org:8443""#),
            ("x-forwarded-for", "192.0.2.1"),
        ];
        let forwarded = read(&lines, "::1");
        assert_eq!(forwarded.client, Some("2001:db8::7".parse().unwrap()));
        assert_eq!(forwarded.scheme.as_deref(), Some("https"));
        assert_eq!(forwarded.host.as_deref(), Some("example.org:8443"));
    }

    #[test]
    fn scheme_host_and_port_come_from_the_customary_headers_too() {
        let lines = [("x-forwarded-proto", "https"), ("x-forwarded-host", "example.org"), ("x-forwarded-port", "8443")];
        let forwarded = read(&lines, "10.0.0.1");
        assert_eq!((forwarded.scheme.as_deref(), forwarded.client), (Some("https"), None));
        assert_eq!(forwarded.host.as_deref(), Some("example.org:8443"));
    }
}
