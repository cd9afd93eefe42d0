//! HTTP as far as an index needs it. Blocking: to be called off the async threads.

use std::io::Read;
use std::time::Duration;

use ureq::http::Response;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::{Agent, Body, ResponseExt};
use url::Url;

use super::page::{Page, from_html, from_json};
use super::{Location, SourceFile};
use crate::builds::Origins;
use crate::installer::without_credentials;

const PATIENCE: Duration = Duration::from_secs(120);
const CONNECT_PATIENCE: Duration = Duration::from_secs(15);
const PAGE_BYTES: u64 = 64 << 20;
const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/// Asks the hosts of the origins, with the certificates that the operator trusts.
pub(in crate::builds) struct Fetcher<'origins> {
    strict: Agent,
    /// For hosts that the operator told pip to trust without proof.
    trusting: Agent,
    origins: &'origins Origins,
}

impl<'origins> Fetcher<'origins> {
    pub(in crate::builds) fn new(origins: &'origins Origins) -> Result<Self, String> {
        let roots = origins.certificates.as_deref().map(roots).transpose()?;
        Ok(Self { strict: agent(roots.clone(), false), trusting: agent(roots, true), origins })
    }

    /// What a page lists; nothing where there is no such page.
    pub(super) fn page(&self, address: &Url) -> Result<Page, String> {
        let response = self.get(address)?;
        let base = response.get_uri().to_string().parse().unwrap_or_else(|_| address.clone());
        if response.status().as_u16() == 404 {
            return Ok(Page { base, files: Vec::new() });
        }
        let is_json = response.body().mime_type().is_some_and(|kind| kind.ends_with("json"));
        let text = read(good(response, address)?, PAGE_BYTES, address)?;
        let text = String::from_utf8_lossy(&text);
        let files = if is_json { from_json(&text) } else { Ok(from_html(&text)) };
        Ok(Page { base, files: files.map_err(|error| failed(address, &error))? })
    }

    /// The bytes of a source distribution, at most `limit`; the hash is not looked at.
    pub(in crate::builds) fn bytes(&self, file: &SourceFile, limit: u64) -> Result<Vec<u8>, String> {
        match &file.location {
            Location::File(path) => {
                let opened = std::fs::File::open(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
                limited(opened, limit).map_err(|error| format!("`{}`: {error}", path.display()))
            }
            Location::Address(address) => read(good(self.get(address)?, address)?, limit, address),
        }
    }

    fn get(&self, address: &Url) -> Result<Response<Body>, String> {
        if !matches!(address.scheme(), "http" | "https") {
            return Err(failed(address, &"only http and https are understood"));
        }
        let (host, port) = (address.host_str().unwrap_or_default(), address.port_or_known_default());
        let with_port = format!("{host}:{}", port.unwrap_or_default());
        let trusted = self.origins.trusted_hosts.iter().any(|trusted| trusted == host || *trusted == with_port);
        let agent = if trusted { &self.trusting } else { &self.strict };
        let mut plain = self.with_credentials(address);
        plain.set_fragment(None);
        let response = agent.get(plain.as_str()).header("Accept", ACCEPT).call();
        response.map_err(|error| failed(address, &error))
    }

    /// Files often lie on the host of the index, and are listed without its password.
    fn with_credentials(&self, address: &Url) -> Url {
        let mut complete = address.clone();
        let parsed = self.origins.indexes.iter().filter_map(|index| Url::parse(index).ok());
        let mut same = parsed.filter(|index| index.origin() == address.origin() && !index.username().is_empty());
        if let (true, Some(index)) = (address.username().is_empty(), same.next()) {
            // Fails only for addresses that have no host.
            let _ = complete.set_username(index.username());
            let _ = complete.set_password(index.password());
        }
        complete
    }
}

fn agent(roots: Option<RootCerts>, trusting: bool) -> Agent {
    let mut tls = TlsConfig::builder().provider(TlsProvider::Rustls).disable_verification(trusting);
    if let Some(roots) = roots {
        tls = tls.root_certs(roots);
    }
    let builder = Agent::config_builder().http_status_as_error(false).timeout_connect(Some(CONNECT_PATIENCE));
    builder.timeout_global(Some(PATIENCE)).tls_config(tls.build()).build().into()
}

fn roots(path: &str) -> Result<RootCerts, String> {
    let fault = |error: &dyn std::fmt::Display| format!("cannot use the certificates in `{path}`: {error}");
    let bytes = std::fs::read(path).map_err(|error| fault(&error))?;
    let items = parse_pem(&bytes).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    });
    let certificates: Vec<Certificate<'static>> = items.collect::<Result<_, _>>().map_err(|error| fault(&error))?;
    Ok(RootCerts::new_with_certs(&certificates))
}

fn good(response: Response<Body>, address: &Url) -> Result<Response<Body>, String> {
    let status = response.status();
    if status.is_success() { Ok(response) } else { Err(failed(address, &status)) }
}

fn read(response: Response<Body>, limit: u64, address: &Url) -> Result<Vec<u8>, String> {
    limited(response.into_body().into_reader(), limit).map_err(|error| failed(address, &error))
}

fn limited(reader: impl Read, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(std::io::Error::other(format!("it is larger than {} MiB", limit >> 20)));
    }
    Ok(bytes)
}

fn failed(address: &Url, error: &dyn std::fmt::Display) -> String {
    without_credentials(&format!("cannot fetch `{address}`: {error}"))
}
