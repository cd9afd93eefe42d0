//! What an answer can be written as (contract 1.4).

use http::{HeaderMap, HeaderValue};

/// A media type on offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    Json,
    ApplicationXml,
    TextXml,
}

impl Format {
    /// The media types on offer, the default first.
    pub(crate) const OFFERS: [&'static str; 3] = ["application/json", "application/xml", "text/xml"];

    /// The one that the header `Accept` likes best; `None` if it likes none.
    pub(crate) fn negotiate(headers: &HeaderMap) -> Option<Self> {
        match vivarium_http::negotiate(headers, &Self::OFFERS)? {
            "application/xml" => Some(Self::ApplicationXml),
            "text/xml" => Some(Self::TextXml),
            _ => Some(Self::Json),
        }
    }

    /// For the header `Content-Type`. JSON is always UTF-8 and knows no `charset` (RFC 8259); XML says it,
    /// because some readers take `text/xml` for US-ASCII otherwise (RFC 3023).
    pub(crate) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json",
            Self::ApplicationXml => "application/xml; charset=utf-8",
            Self::TextXml => "text/xml; charset=utf-8",
        })
    }
}
