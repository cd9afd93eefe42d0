//! The header `Accept`.

use rstest::rstest;

use super::support::{Call, Server};

const JSON: &str = "application/json";
const XML: &str = "application/xml; charset=utf-8";
const TEXT: &str = "text/xml; charset=utf-8";

#[tokio::test]
async fn the_best_type_on_offer_is_sent() {
    let server = Server::new().await;
    for (accept, expected) in [
        ("", Some(JSON)),
        ("*/*", Some(JSON)),
        ("*", Some(JSON)),
        ("application/json", Some(JSON)),
        ("APPLICATION/JSON", Some(JSON)),
        ("application/json; charset=utf-8", Some(JSON)),
        ("application/*", Some(JSON)),
        ("application/xml", Some(XML)),
        ("text/xml", Some(TEXT)),
        ("text/*", Some(TEXT)),
        ("text/xml, application/xml;q=0.9", Some(TEXT)),
        ("application/json;q=0.5, application/xml;q=0.8", Some(XML)),
        ("application/json;q=0.8, text/xml;q=0.5", Some(JSON)),
        ("application/xml;q=0.5, */*;q=0.1", Some(XML)),
        ("*/*;q=0.1, application/json;q=0", Some(XML)),
        ("application/*;q=0.3, text/xml;q=0.4", Some(TEXT)),
        ("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", Some(XML)),
        ("image/png, application/json;q=0.001", Some(JSON)),
        ("nonsense, text/xml", Some(TEXT)),
        ("application/json;q=0, application/xml;q=0, text/xml;q=0", None),
        ("text/html", None),
        ("image/*", None),
        ("application/zip, application/octet-stream", None),
        ("application/xhtml+xml", None),
        ("*/*;q=0", None),
    ] {
        let reply = server.send(Call::get("/runtimes").accept(accept)).await;
        let status = if expected.is_some() { 200 } else { 406 };
        assert_eq!(reply.status.as_u16(), status, "{accept}: {}", reply.text);
        assert_eq!(reply.content_type(), expected.unwrap_or(JSON), "{accept}");
        assert_eq!(reply.header("vary"), Some("accept, accept-language"), "{accept}");
        if expected.is_none() {
            assert_eq!(reply.code(), "VIVSE1006E", "{accept}");
        }
    }
}

#[tokio::test]
async fn without_the_header_it_is_json() {
    let server = Server::new().await;
    assert_eq!(server.get("/runtimes").await.content_type(), JSON);
}

#[rstest]
#[case("application/xml", XML)]
#[case("text/xml", TEXT)]
#[case("application/json", JSON)]
#[case("image/png", JSON)]
#[tokio::test]
async fn errors_are_negotiated_too_and_json_where_nothing_fits(#[case] accept: &str, #[case] expected: &str) {
    let server = Server::new().await;
    for (call, status) in [
        (Call::get("/runtimes").anonymous(), 401),
        (Call::get("/nothing"), 404),
        (Call::get("/runtimes").method("PUT"), 405),
    ] {
        let reply = server.send(call.accept(accept)).await;
        assert_eq!(reply.status.as_u16(), status, "{}", reply.text);
        assert_eq!(reply.content_type(), expected);
        assert_ne!(reply.code(), "", "{}", reply.text);
    }
}
