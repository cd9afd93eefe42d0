//! When the server itself fails.

use std::time::Duration;

use axum::extract::FromRequestParts;
use http_body_util::BodyExt;
use vivarium_domain::{Error, ErrorKind};
use vivarium_http::{Dialect, Fault, Problem, RequestContext};
use vivarium_mfp::MfpDialect;

use super::support::{Call, Server, VERSION};

#[tokio::test]
async fn a_broken_store_is_an_internal_error_that_tells_nothing_but_where_to_look() {
    let server = Server::new().await;
    assert_eq!(server.get("/runtimes").await.status.as_u16(), 200);
    server.world.store.set_broken(true);
    server.world.clock.advance(Duration::from_secs(3600));
    for path in ["/runtimes", "/runtimes/none"] {
        let reply = server.send(Call::get(path).header("x-request-id", "ticket-7")).await;
        assert_eq!(reply.status.as_u16(), 500, "{path}");
        assert_eq!((reply.code().as_str(), reply.detail().as_str()), ("FWLSE3000E", "VIVSE1010E"));
        assert!(reply.text.contains("ticket-7") && !reply.text.contains("broke"), "{}", reply.text);
        assert_eq!(reply.header("x-request-id"), Some("ticket-7"));
    }
    server.world.store.set_broken(false);
    assert_eq!(server.get("/runtimes").await.status.as_u16(), 200);
}

#[tokio::test]
async fn a_store_that_breaks_after_the_log_in_is_an_internal_error_too() {
    let server = Server::new().await;
    assert_eq!(server.get("/runtimes").await.status.as_u16(), 200);
    server.world.store.set_broken(true);
    let reply = server.send(Call::get("/runtimes?locale=de").accept("application/xml")).await;
    assert_eq!(reply.status.as_u16(), 500);
    assert_eq!(reply.code(), "FWLSE3000E");
    assert!(reply.text.contains("der Server konnte diese Anfrage nicht beantworten"), "{}", reply.text);
}

async fn rendered(problem: Problem) -> (u16, String, serde_json::Value) {
    let (mut parts, ()) = http::Request::get("/x?locale=en").body(()).unwrap().into_parts();
    let context = RequestContext::from_request_parts(&mut parts, &()).await.unwrap();
    let response = MfpDialect { product_version: VERSION.to_owned() }.render(&problem, &context);
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let error: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    (status, error["errorCode"].as_str().unwrap().to_owned(), error)
}

#[tokio::test]
async fn every_kind_of_error_of_the_domain_has_its_status_and_code() {
    for (kind, status, code) in [
        (ErrorKind::InvalidInput, 400, "FWLSE3051E"),
        (ErrorKind::BadCredentials, 401, "VIVSE1002E"),
        (ErrorKind::NoSession, 401, "VIVSE1002E"),
        (ErrorKind::MissingPrivilege, 403, "VIVSE1012E"),
        (ErrorKind::MissingPermission, 403, "VIVSE1012E"),
        (ErrorKind::NotFound, 404, "FWLSE3002E"),
        (ErrorKind::AlreadyExists, 409, "FWLSE3001E"),
        (ErrorKind::Conflict, 409, "FWLSE3001E"),
        (ErrorKind::TooManyRequests, 429, "VIVSE1005E"),
        (ErrorKind::NotSupported, 400, "FWLSE3051E"),
        (ErrorKind::Unavailable, 503, "VIVSE1011E"),
        (ErrorKind::Internal, 500, "FWLSE3000E"),
    ] {
        let (given, error_code, error) = rendered(Error::new(kind, "a sentence from inside").into()).await;
        assert_eq!((given, error_code.as_str()), (status, code), "{kind:?}: {error}");
        let shown = error.to_string().contains("a sentence from inside");
        let public = matches!(status, 400 | 403 | 404 | 409);
        assert_eq!(shown, public, "{kind:?}: {error}");
    }
}

#[tokio::test]
async fn every_fault_of_the_transport_keeps_its_status_and_says_why() {
    let reason = "the reason".to_owned();
    for (fault, code) in [
        (Fault::BadPath { reason: reason.clone() }, "FWLSE3053E"),
        (Fault::BadQuery { reason: reason.clone() }, "FWLSE3053E"),
        (Fault::UnknownRoute, "FWLSE3002E"),
        (Fault::WrongMethod, "VIVSE1008E"),
        (Fault::NotAcceptable { offers: vec!["text/xml".to_owned()] }, "VIVSE1006E"),
        (Fault::TimedOut, "VIVSE1012E"),
        (Fault::BodyTooLarge { limit: 7 }, "VIVSE1012E"),
        (Fault::UnsupportedMediaType { reason: reason.clone() }, "VIVSE1012E"),
        (Fault::HeadersTooLarge { reason: reason.clone() }, "VIVSE1012E"),
        (Fault::MissingBody, "FWLSE3051E"),
        (Fault::BrokenBody { reason: reason.clone() }, "FWLSE3051E"),
        (Fault::InvalidJson { line: 1, column: 2, reason: reason.clone() }, "FWLSE3051E"),
        (Fault::InvalidForm { reason }, "FWLSE3051E"),
        (Fault::Panicked, "FWLSE3000E"),
    ] {
        let (status, sentence) = (fault.status().as_u16(), fault.to_string());
        let (given, error_code, error) = rendered(fault.into()).await;
        assert_eq!((given, error_code.as_str()), (status, code), "{error}");
        if sentence.contains("the reason") {
            assert!(error["details"].as_str().unwrap().ends_with(&sentence), "{error}");
        }
    }
}
