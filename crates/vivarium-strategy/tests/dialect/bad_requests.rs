//! Requests that are wrong in one way each, and what they get. None of them is a fault of the server.

use axum::body::Body;
use http::Method;

use crate::kit::{DEFAULT_RUNTIME, Server};

const NO_ID: &str = "00000000000000000000000000000001";

/// Method and path, headers, body, status, code.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [u8], u16, &'static str);

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const FORM: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded")];
const NONE: &[(&str, &str)] = &[];

const LOGINS: &[Case] = &[
    ("POST /auth/login", NONE, b"", 400, "ERR007"),
    ("POST /auth/login", JSON, b"{", 400, "ERR006"),
    ("POST /auth/login", JSON, b"[]", 400, "ERR006"),
    ("POST /auth/login", JSON, b"\"x\"", 400, "ERR006"),
    ("POST /auth/login", JSON, b"{}", 400, "ERR007"),
    ("POST /auth/login", JSON, b"\xff\xfe", 400, "ERR006"),
    ("POST /auth/login", FORM, b"loginMode=1&username=administrator", 400, "ERR007"),
    ("POST /auth/login", FORM, b"loginMode=1&password=x", 400, "ERR007"),
    ("POST /auth/login", FORM, b"username=administrator&password=x", 400, "ERR007"),
    ("POST /auth/login", FORM, b"loginMode=one&username=a&password=x", 400, "ERR006"),
    ("POST /auth/login", FORM, b"loginMode=2&username=a&password=x", 400, "ERR006"),
    ("POST /auth/login", FORM, b"loginMode=-1&username=a&password=x", 400, "ERR006"),
    ("POST /auth/login", FORM, b"loginMode=8", 400, "ERR010"),
    ("POST /auth/login", FORM, b"loginMode=16&username=a&password=x", 400, "ERR010"),
    ("POST /auth/login", FORM, b"loginMode=1&applicationType=7&username=a&password=x", 400, "ERR006"),
    ("POST /auth/login", FORM, b"loginMode=1&applicationType=x&username=a&password=x", 400, "ERR006"),
    ("POST /auth/login", FORM, b"loginMode=1&username=%ff&password=x", 400, "ERR006"),
    ("POST /auth/login", FORM, b"loginMode=1&username=administrator&password=wrong", 401, "ERR003"),
    ("POST /auth/login", FORM, b"loginMode=1&username=&password=", 401, "ERR003"),
    ("POST /auth/login", JSON, br#"{"loginMode":1,"username":5,"password":true}"#, 400, "ERR006"),
    ("POST /auth/login", JSON, br#"{"loginMode":1.5,"username":"a","password":"x"}"#, 400, "ERR006"),
    ("POST /auth/login", JSON, br#"{"loginMode":4096}"#, 400, "ERR007"),
    ("POST /auth/login", JSON, br#"{"loginMode":4096,"username":"no token"}"#, 401, "ERR003"),
    ("POST /auth/login", &[("content-type", "multipart/form-data; boundary=x")], b"--x--", 415, "ERR006"),
    ("POST /auth/delegate", JSON, b"{}", 400, "ERR007"),
    ("POST /auth/delegate", JSON, b"", 400, "ERR005"),
    ("POST /auth/delegate", JSON, br#"{"loginMode":"1","identityToken":"x"}"#, 400, "ERR006"),
    ("POST /auth/delegate", JSON, br#"{"loginMode":"-1","identityToken":["x"]}"#, 400, "ERR006"),
    ("POST /auth/delegate", JSON, br#"{"loginMode":"-1","identityToken":"x"}"#, 401, "ERR003"),
    ("GET /auth/identityToken", NONE, b"", 400, "ERR007"),
    ("GET /auth/identityToken", &[("x-mstr-identitytoken", "x")], b"", 401, "ERR003"),
    ("POST /auth/apiTokens", JSON, br#"{"userId":"anna"}"#, 400, "ERR006"),
    ("POST /auth/apiTokens", JSON, br#"{"userId":"00000000000000000000000000000001"}"#, 404, "ERR004"),
    ("POST /auth/apiTokens", JSON, b"[1]", 400, "ERR006"),
];

const PATHS: &[Case] = &[
    ("GET /runtimes/none", NONE, b"", 400, "ERR006"),
    ("GET /runtimes/0F35652CA7D041978BF0CBCB6753120", NONE, b"", 400, "ERR006"),
    ("GET /runtimes/0F35652CA7D041978BF0CBCB6753120G", NONE, b"", 400, "ERR006"),
    ("GET /runtimes/..%2Fetc", NONE, b"", 400, "ERR006"),
    ("GET /runtimes/%ff", NONE, b"", 400, "ERR006"),
    ("GET /runtimes/%00", NONE, b"", 400, "ERR006"),
    ("GET /runtimes/{none}", NONE, b"", 404, "ERR004"),
    ("DELETE /runtimes/{none}", NONE, b"", 404, "ERR004"),
    ("DELETE /runtimes/x", NONE, b"", 400, "ERR006"),
    ("DELETE /runtimes/{default}", NONE, b"", 409, "ERR001"),
    ("POST /runtimes/{none}/stop", NONE, b"", 404, "ERR004"),
    ("POST /runtimes/x/start", NONE, b"", 400, "ERR006"),
    ("POST /runtimes/{none}/synchronize", NONE, b"", 404, "ERR004"),
    ("POST /runtimes/{default}/restart", NONE, b"", 404, "ERR004"),
    ("PUT /runtimes/{default}", JSON, b"{}", 405, "ERR001"),
    ("DELETE /runtimes", NONE, b"", 405, "ERR001"),
    ("POST /runtimes/versions", JSON, b"{}", 405, "ERR001"),
    ("GET /scripts/evaluation/x", NONE, b"", 400, "ERR006"),
    ("GET /scripts/evaluation/{none}", NONE, b"", 404, "ERR004"),
    ("DELETE /scripts/evaluation/{none}", NONE, b"", 404, "ERR004"),
    ("GET /scripts/evaluation/{none}/events", NONE, b"", 404, "ERR004"),
    ("GET /scripts/evaluation/{none}/events", &[("last-event-id", "x")], b"", 400, "ERR006"),
    ("GET /scripts/evaluation", NONE, b"", 405, "ERR001"),
    ("GET /projects/{none}", NONE, b"", 404, "ERR004"),
    ("GET /projects/No%20Such", NONE, b"", 404, "ERR004"),
    ("GET /users/anna", NONE, b"", 400, "ERR006"),
    ("GET /users/{none}", NONE, b"", 404, "ERR004"),
    ("GET /users?offset=-1", NONE, b"", 400, "ERR006"),
    ("GET /users?limit=-2", NONE, b"", 400, "ERR006"),
    ("GET /users?limit=x", NONE, b"", 400, "ERR006"),
    ("GET /users?limit=99999999999999999999", NONE, b"", 400, "ERR006"),
    ("GET /usergroups/{none}/members", NONE, b"", 404, "ERR004"),
    ("GET /monitors/projects?offset=one", NONE, b"", 400, "ERR006"),
    ("GET /runtimes?fields=%ff", NONE, b"", 400, "ERR006"),
    ("GET /objects/{default}", NONE, b"", 400, "ERR007"),
    ("GET /objects/{default}?type=runtime", NONE, b"", 400, "ERR006"),
    ("GET /objects/{default}?type=-80", NONE, b"", 400, "ERR006"),
    ("GET /objects/{default}?type=76", NONE, b"", 404, "ERR004"),
    ("GET /objects/{none}?type=80", NONE, b"", 404, "ERR004"),
    ("GET /objects/x?type=80", NONE, b"", 400, "ERR006"),
    ("DELETE /objects/{none}?type=34", NONE, b"", 400, "ERR010"),
    ("GET /objects/{none}?type=34", NONE, b"", 404, "ERR004"),
    ("DELETE /objects/{none}?type=32", NONE, b"", 400, "ERR010"),
    ("DELETE /objects/{none}?type=80", NONE, b"", 404, "ERR004"),
];

const OBJECTS: &[Case] = &[
    ("PUT /objects/{default}?type=80", JSON, b"", 400, "ERR005"),
    ("PUT /objects/{default}?type=80", JSON, br#"{"name":"a/b"}"#, 400, "ERR006"),
    ("PUT /objects/{default}?type=80", JSON, br#"{"name":7}"#, 400, "ERR006"),
    ("PUT /objects/{default}?type=80", JSON, br#"{"ownerId":"54F3D26011D2896560009A8E67019608"}"#, 400, "ERR010"),
    ("PUT /objects/{default}?type=80", JSON, br#"{"hidden":true}"#, 400, "ERR010"),
    ("PUT /objects/{default}?type=80", JSON, br#"{"acl":{}}"#, 400, "ERR006"),
    ("PUT /objects/{default}?type=80", JSON, br#"{"acl":[5]}"#, 400, "ERR006"),
    ("PUT /objects/{default}?type=80", JSON, br#"{"acl":[{}]}"#, 400, "ERR007"),
    (
        "PUT /objects/{default}?type=80",
        JSON,
        br#"{"acl":[{"op":"GRANT","trustee":"C82C6B1011D2894CC0009D9F29718E4F","rights":1}]}"#,
        400,
        "ERR006",
    ),
    (
        "PUT /objects/{default}?type=80",
        JSON,
        br#"{"acl":[{"op":"ADD","trustee":"C82C6B1011D2894CC0009D9F29718E4F","rights":256}]}"#,
        400,
        "ERR006",
    ),
    (
        "PUT /objects/{default}?type=80",
        JSON,
        br#"{"acl":[{"op":"ADD","trustee":"C82C6B1011D2894CC0009D9F29718E4F","rights":-1}]}"#,
        400,
        "ERR006",
    ),
    (
        "PUT /objects/{default}?type=80",
        JSON,
        br#"{"acl":[{"op":"ADD","trustee":"00000000000000000000000000000001","rights":1}]}"#,
        400,
        "ERR006",
    ),
    ("PUT /objects/{none}?type=80", JSON, br#"{"name":"x"}"#, 404, "ERR004"),
];

const DEFINITIONS: &[Case] = &[
    ("POST /runtimes", JSON, b"", 400, "ERR005"),
    ("POST /runtimes", JSON, b"null", 400, "ERR006"),
    ("POST /runtimes", JSON, b"{\"name\":\"x\"", 400, "ERR006"),
    ("POST /runtimes", JSON, b"{\"name\":\"x\"} {}", 400, "ERR006"),
    ("POST /runtimes", JSON, b"{\"name\":\"\xc3\"}", 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"\ud800"}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, b"{}", 400, "ERR007"),
    ("POST /runtimes", JSON, br#"{"name":null}"#, 400, "ERR007"),
    ("POST /runtimes", JSON, br#"{"name":" "}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"a\nb"}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"a\\b"}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":["x"]}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"(default) vivarium"}"#, 409, "ERR015"),
    ("POST /runtimes", JSON, br#"{"name":"x","description":5}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","description":"a\u0000b"}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","whitelist":"10.0.0.0/8"}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","whitelist":["10.0.0.1/8"]}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","whitelist":["10.0.0.0/33"]}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","whitelist":["2001:db8::1/32"]}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","whitelist":["host.example"]}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","whitelist":[1]}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","packages":{}}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","packages":["numpy"]}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","packages":[{}]}"#, 400, "ERR007"),
    ("POST /runtimes", JSON, br#"{"name":"x","packages":[{"name":"a b"}]}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","packages":[{"name":"--index-url=http://h"}]}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","packages":[{"name":"numpy","version":"latest"}]}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","packages":[{"name":"numpy","version":2}]}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","packages":[{"name":"numpy"},{"name":"NumPy"}]}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","resource":[]}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","resource":{"cpu":"0"}}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","resource":{"cpu":"-1"}}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","resource":{"cpu":"1e2"}}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","resource":{"cpu":"NaN"}}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","resource":{"cpu":"5"}}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","resource":{"cpu":true}}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","resource":{"mem":31}}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","resource":{"mem":"512"}}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","resource":{"mem":512.5}}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","resource":{"mem":99999999999999999999}}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","resource":{"disk":0}}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","resource":{"procCount":-5}}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","execTimeout":0}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","execTimeout":86401}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","execTimeout":"600"}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","minCachedInstances":3,"maxCachedInstances":2}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","minCachedInstances":-1}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","runtimeVersion":"2.7"}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","runtimeVersion":3.12}"#, 400, "ERR006"),
    ("POST /runtimes", JSON, br#"{"name":"x","runtimeVersion":"../3"}"#, 400, "ERR006"),
    ("POST /runtimes", &[("content-type", "text/xml")], b"<runtime/>", 415, "ERR006"),
    (
        "POST /runtimes",
        &[("content-type", "application/json"), ("content-encoding", "gzip")],
        b"\x1f\x8b",
        415,
        "ERR006",
    ),
    ("PATCH /runtimes/{none}", JSON, br#"{"name":"x"}"#, 404, "ERR004"),
    ("PATCH /runtimes/{default}", JSON, br#"{"name":""}"#, 400, "ERR006"),
    ("PATCH /runtimes/{default}", JSON, br#"{"execTimeout":"x"}"#, 400, "ERR006"),
    ("PATCH /runtimes/{default}", JSON, b"[]", 400, "ERR006"),
];

const EVALUATIONS: &[Case] = &[
    ("POST /scripts/evaluation", JSON, b"", 400, "ERR005"),
    ("POST /scripts/evaluation", JSON, b"{}", 400, "ERR007"),
    ("POST /scripts/evaluation", JSON, br#"{"id":"00000000000000000000000000000001"}"#, 400, "ERR010"),
    ("POST /scripts/evaluation", JSON, br#"{"scriptContent":5}"#, 400, "ERR006"),
    ("POST /scripts/evaluation", JSON, br#"{"scriptContent":""}"#, 400, "ERR006"),
    ("POST /scripts/evaluation", JSON, br#"{"scriptContent":"print(1)"}"#, 400, "ERR006"),
    ("POST /scripts/evaluation", JSON, br#"{"scriptContent":"cHI"}"#, 400, "ERR006"),
    ("POST /scripts/evaluation", JSON, br#"{"scriptContent":"/w=="}"#, 400, "ERR006"),
    ("POST /scripts/evaluation", JSON, br#"{"scriptContent":"YQA="}"#, 400, "ERR006"),
    ("POST /scripts/evaluation", JSON, br#"{"scriptContent":"YQ==","scriptRuntimeId":"x"}"#, 400, "ERR006"),
    (
        "POST /scripts/evaluation",
        JSON,
        br#"{"scriptContent":"YQ==","scriptRuntimeId":"00000000000000000000000000000001"}"#,
        404,
        "ERR004",
    ),
    ("POST /scripts/evaluation", JSON, br#"{"scriptContent":"YQ==","variables":{}}"#, 400, "ERR006"),
    ("POST /scripts/evaluation", JSON, br#"{"scriptContent":"YQ==","variables":[1]}"#, 400, "ERR006"),
    ("POST /scripts/evaluation", JSON, br#"{"scriptContent":"YQ==","variables":[{}]}"#, 400, "ERR007"),
    (
        "POST /scripts/evaluation",
        JSON,
        br#"{"scriptContent":"YQ==","variables":[{"name":"a","type":9}]}"#,
        400,
        "ERR006",
    ),
    (
        "POST /scripts/evaluation",
        JSON,
        br#"{"scriptContent":"YQ==","variables":[{"name":"a","type":"1"}]}"#,
        400,
        "ERR006",
    ),
    (
        "POST /scripts/evaluation",
        JSON,
        br#"{"scriptContent":"YQ==","variables":[{"name":"a b","type":1}]}"#,
        400,
        "ERR006",
    ),
    (
        "POST /scripts/evaluation",
        JSON,
        br#"{"scriptContent":"YQ==","variables":[{"name":"a","type":2,"value":"x"}]}"#,
        400,
        "ERR006",
    ),
    (
        "POST /scripts/evaluation",
        JSON,
        br#"{"scriptContent":"YQ==","variables":[{"name":"a","type":1,"multiple":true,"value":"__import__('os')"}]}"#,
        400,
        "ERR006",
    ),
    (
        "POST /scripts/evaluation",
        JSON,
        br#"{"scriptContent":"YQ==","variables":[{"name":"a","type":1,"multiple":"yes"}]}"#,
        400,
        "ERR006",
    ),
    (
        "POST /scripts/evaluation",
        JSON,
        br#"{"scriptContent":"YQ==","variables":[{"name":"a","type":1,"value":{}}]}"#,
        400,
        "ERR006",
    ),
    (
        "POST /scripts/evaluation",
        JSON,
        br#"{"scriptContent":"YQ==","variables":[{"name":"a","type":1},{"name":"a","type":1}]}"#,
        400,
        "ERR006",
    ),
];

#[tokio::test]
async fn every_bad_request_gets_its_status_and_code() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let cases: Vec<_> = [LOGINS, PATHS, OBJECTS, DEFINITIONS, EVALUATIONS].concat();
    assert!(cases.len() >= 70, "{}", cases.len());
    let mut wrong = Vec::new();
    for (call, headers, body, status, code) in cases {
        let (method, path) = call.split_once(' ').unwrap();
        let path = path.replace("{none}", NO_ID).replace("{default}", DEFAULT_RUNTIME);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let client = headers.iter().fold(client.clone(), |client, (name, value)| client.header(name, value));
        let answer = client.send(method, &path, Body::from(body)).await;
        if answer.fault() != (status, code.to_owned()) {
            wrong.push(format!(
                "{call} {} wants {status} {code}, got {} {}",
                body.escape_ascii(),
                answer.status,
                answer.text
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn long_names_and_long_lists_are_refused() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let many = |count: usize, item: serde_json::Value| vec![item; count];
    for definition in [
        serde_json::json!({"name": "x".repeat(251)}),
        serde_json::json!({"name": "x", "description": "x".repeat(5001)}),
        serde_json::json!({"name": "x", "whitelist": many(1001, "10.0.0.0/8".into())}),
        serde_json::json!({"name": "x", "packages": many(501, serde_json::json!({"name": "six"}))}),
        serde_json::json!({"name": "x", "packages": [{"name": "x".repeat(301)}]}),
    ] {
        assert_eq!(client.post("/runtimes", definition).await.fault(), (400, "ERR006".to_owned()));
    }
    let source = crate::kit::code(&"#".repeat((1 << 20) + 1));
    let answer = client.post("/scripts/evaluation", source).await;
    assert_eq!(answer.fault(), (400, "ERR006".to_owned()));
    assert!(answer.message().contains("`scriptContent`"), "{}", answer.message());
}
