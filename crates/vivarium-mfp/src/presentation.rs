//! How this server presents itself in every answer.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, VARY};
use http::{HeaderValue, StatusCode};

use crate::document::{Document, Format, JsonLayout};

/// What all answers have in common.
#[derive(Debug, Clone)]
pub(crate) struct Presentation {
    /// The `productVersion` of every document, as clients know it from the original: `8.0.0.0`.
    pub(crate) product_version: String,
    /// White space in JSON.
    pub(crate) layout: JsonLayout,
}

impl Presentation {
    /// An answer with a document.
    pub(crate) fn answer(&self, status: StatusCode, format: Format, document: &Document) -> Response {
        let mut response = Response::new(Body::from(document.write(format, self.layout)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, format.content_type());
        headers.insert(VARY, HeaderValue::from_static("accept, accept-language"));
        response
    }
}
