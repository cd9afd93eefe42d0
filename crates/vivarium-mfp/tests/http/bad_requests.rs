//! Requests that cannot be fulfilled, each with its status and codes.

use super::support::{Call, Server};

fn long(length: usize) -> String {
    "x".repeat(length)
}

#[tokio::test]
async fn each_has_its_status_and_codes_and_none_is_an_internal_error() {
    let server = Server::new().await;
    let get = |path: &str| Call::get(path);
    let known = "/runtimes/%28Default%29%20Vivarium";
    let table = [
        (get("/runtimes?mode=all"), 400, "FWLSE3053E", "VIVSE1009E"),
        (get("/runtimes?mode=DB"), 400, "FWLSE3053E", "VIVSE1009E"),
        (get("/runtimes?mode=%20db"), 400, "FWLSE3053E", "VIVSE1009E"),
        (get("/runtimes?mode=db%00"), 400, "FWLSE3053E", "VIVSE1009E"),
        (get("/runtimes?mode=%F0%9F%A6%86"), 400, "FWLSE3053E", "VIVSE1009E"),
        (get("/runtimes?mode=%3Cscript%3E"), 400, "FWLSE3053E", "VIVSE1009E"),
        (get("/runtimes?mode=%zz"), 400, "FWLSE3053E", "VIVSE1009E"),
        (get("/runtimes?mode=x&mode=db"), 400, "FWLSE3053E", "VIVSE1009E"),
        (get(&format!("/runtimes?mode={}", long(4000))), 400, "FWLSE3053E", "VIVSE1009E"),
        (get("/runtimes?mode=%ff"), 400, "FWLSE3053E", "VIVSE1012E"),
        (get("/runtimes?%C3=1"), 400, "FWLSE3053E", "VIVSE1012E"),
        (get(&format!("{known}?expand=yes")), 400, "FWLSE3053E", "VIVSE1009E"),
        (get(&format!("{known}?expand=1")), 400, "FWLSE3053E", "VIVSE1009E"),
        (get(&format!("{known}?expand=null")), 400, "FWLSE3053E", "VIVSE1009E"),
        (get("/runtimes/none?expand=x"), 400, "FWLSE3053E", "VIVSE1009E"),
        (get("/runtimes/%ff"), 400, "FWLSE3053E", "VIVSE1012E"),
        (get("/runtimes/%"), 400, "FWLSE3053E", "VIVSE1012E"),
        (get("/runtimes/%zz"), 400, "FWLSE3053E", "VIVSE1012E"),
        (get("/runtimes/a%00b"), 400, "FWLSE3053E", "VIVSE1012E"),
        (get("//runtimes"), 400, "FWLSE3053E", "VIVSE1012E"),
        (get("/runtimes/none"), 404, "FWLSE3002E", "FWLSE3030E"),
        (get("/runtimes/a%2Fb"), 404, "FWLSE3002E", "FWLSE3030E"),
        (get("/runtimes/..%2F..%2Fetc"), 404, "FWLSE3002E", "FWLSE3030E"),
        (get("/runtimes/%20"), 404, "FWLSE3002E", "FWLSE3030E"),
        (get("/runtimes/%0A"), 404, "FWLSE3002E", "FWLSE3030E"),
        (get("/runtimes/%3Cb%3E"), 404, "FWLSE3002E", "FWLSE3030E"),
        (get("/runtimes/%7B%20$runtime%20%7D"), 404, "FWLSE3002E", "FWLSE3030E"),
        (get("/runtimes/'%20OR%201=1--"), 404, "FWLSE3002E", "FWLSE3030E"),
        (get(&format!("/runtimes/{}", long(251))), 404, "FWLSE3002E", "FWLSE3030E"),
        (get(&format!("/runtimes/{}", long(9000))), 404, "FWLSE3002E", "FWLSE3030E"),
        (get("/Runtimes"), 404, "FWLSE3002E", "VIVSE1007E"),
        (get("/runtimes.json"), 404, "FWLSE3002E", "VIVSE1007E"),
        (get("/nothing"), 404, "FWLSE3002E", "VIVSE1007E"),
        (get(""), 404, "FWLSE3002E", "VIVSE1007E"),
        (get("/runtimes/a/b/c"), 404, "FWLSE3002E", "VIVSE1007E"),
        (get("/runtimes").method("POST").body("{}"), 405, "VIVSE1008E", ""),
        (get("/runtimes").method("PUT"), 405, "VIVSE1008E", ""),
        (get("/runtimes").method("DELETE"), 405, "VIVSE1008E", ""),
        (get("/runtimes").method("OPTIONS"), 405, "VIVSE1008E", ""),
        (get(known).method("PATCH"), 405, "VIVSE1008E", ""),
        (get(known).method("BREW"), 405, "VIVSE1008E", ""),
        (get("/runtimes").accept("image/png"), 406, "VIVSE1006E", ""),
        (get(known).accept("application/json;q=0"), 406, "VIVSE1006E", ""),
        (get("/runtimes").header("content-length", "99999999999"), 413, "VIVSE1012E", ""),
        (get("/runtimes").header("x-padding", &long(70_000)), 431, "VIVSE1012E", ""),
    ];
    assert!(table.len() >= 25);
    for (number, (call, status, code, detail)) in table.into_iter().enumerate() {
        let reply = server.send(call).await;
        assert_eq!(reply.status.as_u16(), status, "row {number}: {}", reply.text);
        assert_eq!((reply.code().as_str(), reply.detail().as_str()), (code, detail), "row {number}: {}", reply.text);
        assert_form(&reply.json(), number);
    }
}

/// Every error has the same keys, and texts that begin with their codes.
fn assert_form(error: &serde_json::Value, row: usize) {
    let keys: Vec<&str> = error.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["details", "errorCode", "errors", "message", "productVersion"], "row {row}");
    let code = error["errorCode"].as_str().unwrap();
    assert!(error["message"].as_str().unwrap().starts_with(&format!("{code}: ")), "row {row}: {error}");
    let first = error["errors"].get(0).map_or(&error["message"], |first| &first["details"]);
    assert_eq!(&error["details"], first, "row {row}");
}

#[tokio::test]
async fn a_wrong_value_is_named_with_its_parameter_and_what_is_allowed() {
    let server = Server::new().await;
    let error = server.get("/runtimes?mode=all").await.json();
    let details = error["details"].as_str().unwrap();
    assert_eq!(details, "VIVSE1009E: the parameter `mode` must not be `all`; it may be `running`, `db`");
}

#[tokio::test]
async fn a_refused_method_is_told_which_ones_are_offered() {
    let server = Server::new().await;
    for path in ["/runtimes", "/runtimes/none"] {
        let reply = server.send(Call::get(path).method("DELETE")).await;
        assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, Some("GET,HEAD")), "{path}");
    }
}

#[tokio::test]
async fn unknown_parameters_do_no_harm() {
    let server = Server::new().await;
    let plain = server.get("/runtimes").await;
    for query in ["?fullInfo=true", "?", "?&&", "?=", "?x=%zz", "?mode", "?expand=zzz"] {
        let reply = server.get(&format!("/runtimes{query}")).await;
        assert_eq!((reply.status.as_u16(), &reply.text), (200, &plain.text), "{query}");
    }
    assert_eq!(server.get("/runtimes/").await.text, plain.text, "a slash at the end");
}
