//! Who may call what.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use vivarium_domain::account::Role;
use vivarium_http::OriginSettings;
use vivarium_mfp::Endpoint;
use vivarium_testkit::WorldSettings;

use super::support::{Call, Server, basic};

fn path(endpoint: Endpoint) -> String {
    endpoint.path().replace("{runtime}", "%28Default%29%20Vivarium")
}

fn call(endpoint: Endpoint) -> Call {
    Call::get(&path(endpoint)).method(endpoint.method().as_str())
}

/// Every subset of the roles.
fn role_sets() -> Vec<Vec<Role>> {
    (0..1_u32 << Role::ALL.len())
        .map(|bits| (0..).zip(Role::ALL).filter(|(bit, _)| bits & (1 << bit) != 0).map(|(_, role)| role).collect())
        .collect()
}

#[tokio::test]
async fn every_set_of_roles_gets_what_the_table_says_of_every_endpoint() {
    let server = Server::new().await;
    let sets = role_sets();
    assert_eq!(sets.len(), 16);
    for (number, roles) in sets.iter().enumerate() {
        let name = format!("user{number}");
        server.world.add_user(&name, roles).await;
        for endpoint in Endpoint::ALL {
            let allowed = roles.iter().any(|role| endpoint.roles().contains(role));
            let reply = server.send(call(endpoint).user(&name)).await;
            let expected = if allowed { 200 } else { 403 };
            assert_eq!(reply.status.as_u16(), expected, "{endpoint:?} {roles:?}: {}", reply.text);
            if !allowed {
                assert_eq!(reply.code(), "VIVSE1004E");
                assert!(reply.text.contains(&name) && reply.text.contains("`mfpmonitor`"), "{}", reply.text);
            }
        }
    }
}

/// The table of contract 1.2, so that a slip in the data does not go unnoticed.
#[test]
fn the_table_is_that_of_the_contract() {
    for endpoint in Endpoint::ALL {
        assert_eq!(endpoint.roles(), Role::ALL, "{endpoint:?}: A D M O");
        assert_eq!(endpoint.method(), http::Method::GET, "{endpoint:?}");
    }
    assert_eq!(Endpoint::ALL.map(Endpoint::path), ["/runtimes", "/runtimes/{runtime}"]);
}

#[tokio::test]
async fn nobody_gets_anything_without_good_credentials() {
    let server = Server::new().await;
    server.world.add_user("anna", &[Role::Monitor]).await;
    let long = basic("administrator", &"x".repeat(20_000));
    let not_utf8 = format!("Basic {}", STANDARD.encode(b"administrator:\xff\xfe"));
    let no_colon = format!("Basic {}", STANDARD.encode("administrator"));
    let control = basic("admin\0istrator", "x");
    for (authorization, code) in [
        (None, "VIVSE1001E"),
        (Some(basic("administrator", "wrong")), "VIVSE1002E"),
        (Some(basic("administrator", "")), "VIVSE1002E"),
        (Some(basic("", "")), "VIVSE1002E"),
        (Some(basic("nobody", "correct horse")), "VIVSE1002E"),
        (Some(basic("anna", "Correct horse")), "VIVSE1002E"),
        (Some(control), "VIVSE1002E"),
        (Some(long), "VIVSE1002E"),
        (Some(no_colon), "VIVSE1003E"),
        (Some(not_utf8), "VIVSE1003E"),
        (Some("Basic ???".to_owned()), "VIVSE1003E"),
        (Some("Basic".to_owned()), "VIVSE1003E"),
        (Some("Basic ".to_owned()), "VIVSE1003E"),
        (Some(String::new()), "VIVSE1003E"),
        (Some("Bearer abc".to_owned()), "VIVSE1003E"),
        (Some("Digest username=\"administrator\"".to_owned()), "VIVSE1003E"),
        (Some("Basic äöü".to_owned()), "VIVSE1003E"),
    ] {
        for endpoint in Endpoint::ALL {
            let call = call(endpoint).anonymous();
            let call = match &authorization {
                Some(value) => call.header("authorization", value),
                None => call,
            };
            let reply = server.send(call).await;
            assert_eq!(reply.status.as_u16(), 401, "{authorization:?}: {}", reply.text);
            assert_eq!(reply.code(), code, "{authorization:?}");
            let challenge = reply.header("www-authenticate").unwrap();
            assert_eq!(challenge, "Basic realm=\"Vivarium administration\", charset=\"UTF-8\"");
            assert!(!reply.text.contains("(Default)"), "{}", reply.text);
        }
    }
}

#[tokio::test]
async fn good_credentials_count_in_any_spelling_of_scheme_and_name() {
    let server = Server::new().await;
    let encoded = STANDARD.encode("ADMINISTRATOR:correct horse");
    for value in [format!("basic {encoded}"), format!("BASIC {encoded}"), format!("Basic  {encoded} ")] {
        let reply = server.send(Call::get("/runtimes").header("authorization", &value)).await;
        assert_eq!(reply.status.as_u16(), 200, "{value}: {}", reply.text);
    }
}

#[tokio::test]
async fn credentials_are_looked_at_before_everything_else() {
    let server = Server::new().await;
    server.world.add_user("plain", &[]).await;
    for path in ["/runtimes?mode=x", "/runtimes/none", "/runtimes?a=%ff"] {
        let anonymous = server.send(Call::get(path).anonymous().accept("image/png")).await;
        assert_eq!(anonymous.status.as_u16(), 401, "{path}");
        let without_role = server.send(Call::get(path).user("plain").accept("image/png")).await;
        assert_eq!(without_role.status.as_u16(), 403, "{path}");
    }
}

#[tokio::test]
async fn too_many_failures_are_refused_for_a_while() {
    let settings = WorldSettings { login_failures: 3, ..WorldSettings::default() };
    let server = Server::with(settings, OriginSettings::default()).await;
    let wrong = || Call::get("/runtimes").header("authorization", &basic("administrator", "wrong"));
    for _ in 0..3 {
        assert_eq!(server.send(wrong()).await.status.as_u16(), 401);
    }
    let refused = server.send(wrong().accept("application/json")).await;
    assert_eq!(refused.status.as_u16(), 429, "{}", refused.text);
    assert_eq!(refused.code(), "VIVSE1005E");
    let seconds = refused.header("retry-after").unwrap();
    assert_eq!(seconds, "60");
    assert!(refused.text.contains(&format!(" {seconds} seconds")), "{}", refused.text);
    assert_eq!(server.get("/runtimes").await.status.as_u16(), 429, "the right password does not help now");
    server.world.advance(Duration::from_secs(61)).await;
    assert_eq!(server.get("/runtimes").await.status.as_u16(), 200);
}
