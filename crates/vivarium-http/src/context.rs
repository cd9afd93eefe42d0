//! What is known of a request, for handlers and for those who render its problems.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::header::{ACCEPT, ACCEPT_LANGUAGE};
use http::request::Parts;
use http::{HeaderMap, Method, Uri};

use crate::forwarded::Forwarded;
use crate::origin::OriginSettings;
use crate::problem::Problem;
use crate::query::QueryParameters;
use crate::request_id::RequestId;

/// The connection that a request came by.
#[derive(Debug, Clone, Copy)]
pub struct Connection {
    /// Address of the other end.
    pub peer: SocketAddr,
    /// Address of this end.
    pub local: SocketAddr,
    /// Whether it is encrypted.
    pub tls: bool,
}

impl Default for Connection {
    fn default() -> Self {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { peer: loopback, local: loopback, tls: false }
    }
}

/// What is known of a request. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RequestContext(Arc<Known>);

#[derive(Debug)]
struct Known {
    request_id: RequestId,
    client: IpAddr,
    base_url: String,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    query: QueryParameters,
}

impl RequestContext {
    pub(crate) fn new(
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        way: &Connection,
        origin: &OriginSettings,
    ) -> Self {
        let forwarded = Forwarded::read(headers, way.peer.ip(), &origin.trusted_proxies);
        Self(Arc::new(Known {
            request_id: RequestId::of(headers),
            client: forwarded.client.unwrap_or_else(|| way.peer.ip()).to_canonical(),
            base_url: origin.base_url(uri, headers, way, &forwarded),
            method: method.clone(),
            uri: uri.clone(),
            headers: negotiation_headers(headers),
            query: QueryParameters::from(uri),
        }))
    }

    /// Its id: the ticket id of an error, and a field of its lines in the log.
    pub fn request_id(&self) -> &RequestId {
        &self.0.request_id
    }

    /// Address of the client: of the other end, or what trusted proxies say.
    pub fn client(&self) -> IpAddr {
        self.0.client
    }

    /// `scheme://host[:port]` under which the client sees this server, without a path.
    pub fn base_url(&self) -> &str {
        &self.0.base_url
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// The address as the client sent it.
    pub fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// `Accept` and `Accept-Language`, and no other header.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The parameters of the query; none if they are not valid.
    pub fn query(&self) -> &QueryParameters {
        &self.0.query
    }
}

fn negotiation_headers(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in [ACCEPT, ACCEPT_LANGUAGE] {
        for value in headers.get_all(&name) {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

impl<S: Send + Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Problem;

    /// Outside a [`crate::Front`] it is made of what the request itself tells.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let made = || {
            let origin = OriginSettings::default();
            Self::new(&parts.method, &parts.uri, &parts.headers, &Connection::default(), &origin)
        };
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(made))
    }
}
