//! The address under which the world sees this server.

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri};
use ipnet::IpNet;

use crate::context::Connection;
use crate::forwarded::Forwarded;

/// What is configured about the way to this server.
#[derive(Debug, Clone, Default)]
pub struct OriginSettings {
    /// Addresses of proxies whose `Forwarded` and `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Scheme of public links, `http` or `https`; wins over everything else.
    pub scheme: Option<String>,
    /// Host name of public links; wins over everything else, and drops a port that comes from elsewhere.
    pub host: Option<String>,
    /// Port of public links; wins over everything else.
    pub port: Option<u16>,
}

impl OriginSettings {
    /// `scheme://host[:port]` for links in the answer to one request: what is configured wins, then what trusted proxies
    /// say, then `Host` and the scheme in use. The default port of the scheme is left out.
    pub(crate) fn base_url(&self, uri: &Uri, headers: &HeaderMap, way: &Connection, forwarded: &Forwarded) -> String {
        let in_use = if way.tls { "https" } else { "http" };
        let said = forwarded.scheme.as_deref().filter(|scheme| matches!(*scheme, "http" | "https"));
        let scheme = self.scheme.as_deref().or(said).unwrap_or(in_use);
        let seen = seen_authority(uri, headers, way, forwarded);
        let host = self.host.as_deref().unwrap_or_else(|| seen.host());
        let seen_port = if self.host.is_some() { None } else { seen.port_u16() };
        let default = if scheme == "https" { 443 } else { 80 };
        match self.port.or(seen_port) {
            Some(port) if port != default => format!("{scheme}://{host}:{port}"),
            _ => format!("{scheme}://{host}"),
        }
    }
}

fn seen_authority(uri: &Uri, headers: &HeaderMap, way: &Connection, forwarded: &Forwarded) -> Authority {
    let said = forwarded.host.as_deref().and_then(|host| host.parse().ok());
    let header = || headers.get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let local = || Authority::try_from(way.local.to_string()).ok();
    let seen: Option<Authority> = said.or_else(|| uri.authority().cloned()).or_else(header).or_else(local);
    seen.filter(|authority| !authority.as_str().contains('@')).unwrap_or_else(|| Authority::from_static("localhost"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn base(settings: &OriginSettings, host: &str, forwarded: &Forwarded) -> String {
        let headers = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
        settings.base_url(&"/x".parse().unwrap(), &headers, &Connection::default(), forwarded)
    }

    #[test]
    fn the_host_header_is_used_where_nothing_else_is_known() {
        let settings = OriginSettings::default();
        assert_eq!(base(&settings, "example.org:8080", &Forwarded::default()), "http://example.org:8080");
        assert_eq!(base(&settings, "example.org:80", &Forwarded::default()), "http://example.org");
        assert_eq!(base(&settings, "[::1]:8080", &Forwarded::default()), "http://[::1]:8080");
    }

    #[test]
    fn a_hostile_host_header_makes_no_link() {
        for host in ["a b", "user@evil.example", "e\"vil", "<x>"] {
            let link = base(&OriginSettings::default(), host, &Forwarded::default());
            assert!(link == "http://127.0.0.1:0" || link == "http://localhost", "{host}: {link}");
        }
    }

    #[test]
    fn proxies_win_over_the_header_and_the_configuration_over_both() {
        let said = Forwarded { client: None, scheme: Some("https".into()), host: Some("proxy.example".into()) };
        assert_eq!(base(&OriginSettings::default(), "inner:8080", &said), "https://proxy.example");
        let fixed = OriginSettings { host: Some("public.example".into()), port: Some(8443), ..Default::default() };
        assert_eq!(base(&fixed, "inner:8080", &said), "https://public.example:8443");
        let host_only = OriginSettings { host: Some("public.example".into()), ..Default::default() };
        assert_eq!(base(&host_only, "inner:8080", &Forwarded::default()), "http://public.example");
    }
}
