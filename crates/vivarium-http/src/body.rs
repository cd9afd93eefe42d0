//! Bodies of requests: read whole, within the limit, as JSON, form or text.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http_body_util::BodyExt;
use mediatype::MediaType;
use serde_json::Value;

use crate::problem::{Fault, Problem};
use crate::query::parse_pairs;

/// Largest body where nothing else is said, in bytes.
pub(crate) const DEFAULT_LIMIT: usize = 16 * 1024 * 1024;

/// How much of an oversized body is read and thrown away, so that the client gets to read why it was refused.
const DRAIN_BYTES: usize = 64 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// The limit of a request, as the front put it there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimit(pub(crate) usize);

/// A body of JSON.
#[derive(Debug)]
pub struct JsonBody(pub Value);

/// A body of JSON, or none: nothing but white space.
#[derive(Debug)]
pub struct OptionalJsonBody(pub Option<Value>);

/// A body that is a form or JSON, by its `Content-Type`.
#[derive(Debug)]
pub enum FormOrJson {
    /// Nothing but white space.
    Empty,
    /// The fields of a form in their order.
    Form(Vec<(String, String)>),
    /// JSON.
    Json(Value),
}

/// A body of UTF-8 text.
#[derive(Debug)]
pub struct TextBody(pub String);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let OptionalJsonBody(value) = OptionalJsonBody::from_request(request, state).await?;
        Ok(Self(value.ok_or(Fault::MissingBody)?))
    }
}

impl<S: Send + Sync> FromRequest<S> for OptionalJsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let kind = kind_of(request.headers())?;
        let text = read_text(request).await?;
        if text.trim().is_empty() {
            return Ok(Self(None));
        }
        if let Kind::Foreign(name) = kind {
            let reason = format!("`{name}` where `application/json` is expected");
            return Err(Fault::UnsupportedMediaType { reason }.into());
        }
        Ok(Self(Some(parse_json(&text)?)))
    }
}

impl<S: Send + Sync> FromRequest<S> for FormOrJson {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !matches!(kind_of(request.headers())?, Kind::Form) {
            let OptionalJsonBody(value) = OptionalJsonBody::from_request(request, state).await?;
            return Ok(value.map_or(Self::Empty, Self::Json));
        }
        let text = read_text(request).await?;
        // A JSON object under the Content-Type that curl sends by default.
        if text.trim_start().starts_with('{') {
            return Ok(Self::Json(parse_json(&text)?));
        }
        if text.trim().is_empty() {
            return Ok(Self::Empty);
        }
        let fields =
            parse_pairs(text.trim_end_matches(['\r', '\n'])).map_err(|reason| Fault::InvalidForm { reason })?;
        Ok(Self::Form(fields))
    }
}

impl<S: Send + Sync> FromRequest<S> for TextBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        kind_of(request.headers())?;
        Ok(Self(read_text(request).await?))
    }
}

/// What a body claims to be.
enum Kind {
    /// Nothing is said, or something under which clients send JSON.
    PerhapsJson,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// Something that is certainly neither.
    Foreign(String),
}

fn kind_of(headers: &HeaderMap) -> Result<Kind, Fault> {
    refuse_encodings(headers)?;
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(Kind::PerhapsJson) };
    let malformed = || Fault::UnsupportedMediaType { reason: "the `Content-Type` header is malformed".to_owned() };
    let text = value.to_str().map_err(|_| malformed())?;
    if text.trim().is_empty() {
        return Ok(Kind::PerhapsJson);
    }
    let media = MediaType::parse(text).map_err(|_| malformed())?;
    refuse_charsets(&media)?;
    let essence = media.essence().to_string().to_ascii_lowercase();
    Ok(match essence.as_str() {
        "application/x-www-form-urlencoded" => Kind::Form,
        "application/json" | "text/plain" | "text/json" | "application/octet-stream" => Kind::PerhapsJson,
        other if other.ends_with("+json") => Kind::PerhapsJson,
        _ => Kind::Foreign(essence),
    })
}

fn refuse_encodings(headers: &HeaderMap) -> Result<(), Fault> {
    let encodings = headers.get_all(CONTENT_ENCODING).iter();
    let foreign = encodings.map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase());
    match foreign.into_iter().find(|encoding| !encoding.is_empty() && encoding != "identity") {
        None => Ok(()),
        Some(encoding) => {
            let reason = format!("bodies encoded as `{encoding}` are not understood; send it as it is");
            Err(Fault::UnsupportedMediaType { reason })
        }
    }
}

fn refuse_charsets(media: &MediaType<'_>) -> Result<(), Fault> {
    let charset = mediatype::ReadParams::get_param(media, mediatype::names::CHARSET);
    let Some(charset) = charset.map(|charset| charset.unquoted_str().to_ascii_lowercase()) else { return Ok(()) };
    if matches!(charset.as_str(), "utf-8" | "utf8" | "us-ascii") {
        return Ok(());
    }
    Err(Fault::UnsupportedMediaType { reason: format!("the charset `{charset}`; send UTF-8") })
}

async fn read_text(request: Request) -> Result<String, Fault> {
    let bytes = read(request).await?;
    let text = String::from_utf8(bytes.into()).map_err(|_| broken("it is not UTF-8"))?;
    // Some editors put a byte order mark in front of UTF-8.
    Ok(text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned))
}

async fn read(request: Request) -> Result<Bytes, Fault> {
    let limit = request.extensions().get::<BodyLimit>().map_or(DEFAULT_LIMIT, |limit| limit.0);
    let mut body = request.into_body();
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| broken("it ended too early"))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            drop(bytes);
            drain(body).await;
            return Err(Fault::BodyTooLarge { limit });
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// Reads on for a while without keeping anything: most clients read the answer only after they have sent everything.
pub(crate) async fn drain(mut body: Body) {
    let reading = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > DRAIN_BYTES {
                return;
            }
        }
    };
    // Whoever is slower than this does not get to read the answer.
    drop(tokio::time::timeout(DRAIN_TIME, reading).await);
}

fn broken(reason: &str) -> Fault {
    Fault::BrokenBody { reason: reason.to_owned() }
}

fn parse_json(text: &str) -> Result<Value, Fault> {
    serde_json::from_str(text).map_err(|error| {
        let whole = error.to_string();
        let reason = whole.split(" at line ").next().unwrap_or(&whole).to_owned();
        Fault::InvalidJson { line: error.line(), column: error.column(), reason }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    async fn json(kind: &str, body: impl Into<Body>) -> Result<Option<Value>, Problem> {
        let request =
            Request::builder().header(CONTENT_TYPE, kind).extension(BodyLimit(1000)).body(body.into()).unwrap();
        OptionalJsonBody::from_request(request, &()).await.map(|body| body.0)
    }

    fn fault(result: Result<Option<Value>, Problem>) -> Fault {
        match result.unwrap_err() {
            Problem::Transport(fault) => fault,
            Problem::Domain(error) => panic!("{error}"),
        }
    }

    #[tokio::test]
    async fn json_is_read_under_the_types_that_clients_send() {
        for kind in [
            "application/json",
            "application/json; charset=UTF-8",
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
        ] {
            assert_eq!(
                json(kind, "\u{feff} {\"a\": 1, \"a\": 2}").await.unwrap().unwrap(),
                serde_json::json!({"a": 2})
            );
        }
        assert_eq!(json("application/json", " \n").await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_not_json_is_refused_with_its_place() {
        let Fault::InvalidJson { line, column, reason } = fault(json("", "{\n \"a\": tru }").await) else { panic!() };
        assert_eq!((line, column), (2, 10), "{reason}");
        assert!(!reason.contains("line"), "{reason}");
        assert!(matches!(fault(json("", "[".repeat(500)).await), Fault::InvalidJson { .. }));
        assert!(matches!(fault(json("", b"\"\xff\"".to_vec()).await), Fault::BrokenBody { .. }));
        assert!(matches!(fault(json("", "{} {}").await), Fault::InvalidJson { .. }));
    }

    #[tokio::test]
    async fn foreign_types_and_charsets_are_refused() {
        for kind in ["multipart/form-data; boundary=x", "application/xml", "application/json; charset=utf-16", "x"] {
            assert!(matches!(fault(json(kind, "{}").await), Fault::UnsupportedMediaType { .. }), "{kind}");
        }
    }

    #[tokio::test]
    async fn the_limit_holds_for_bodies_of_unknown_length() {
        let chunks = (0..100).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 100])));
        let body = Body::from_stream(futures::stream::iter(chunks));
        assert_eq!(fault(json("application/json", body).await), Fault::BodyTooLarge { limit: 1000 });
    }

    #[tokio::test]
    async fn a_form_is_read_and_json_under_its_name_too() {
        let read = async |body: &'static str| {
            let kind = "application/x-www-form-urlencoded";
            let request = Request::builder().header(CONTENT_TYPE, kind).body(Body::from(body)).unwrap();
            FormOrJson::from_request(request, &()).await.unwrap()
        };
        let FormOrJson::Form(fields) = read("username=anna&password=a%2Bb+c").await else { panic!() };
        assert_eq!(fields[1], ("password".to_owned(), "a+b c".to_owned()));
        assert!(matches!(read("{\"a\": 1}").await, FormOrJson::Json(_)));
        assert!(matches!(read("").await, FormOrJson::Empty));
    }
}
