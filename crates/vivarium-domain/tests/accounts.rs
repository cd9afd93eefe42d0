//! Logging in and out through the use cases, over fakes.

#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use vivarium_domain::ErrorKind;
use vivarium_domain::account::{Credentials, NewUser, TokenSecret};
use vivarium_testkit::{PASSWORD, World, WorldSettings};

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn password(name: &str, password: &str) -> Credentials {
    Credentials::Password { name: name.to_owned(), password: password.to_owned() }
}

async fn session(world: &World) -> TokenSecret {
    world.accounts.log_in(password("Administrator", PASSWORD), HOME).await.unwrap().secret
}

fn kind<T>(result: vivarium_domain::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[tokio::test]
async fn a_session_lasts_until_it_is_ended() {
    let world = World::new().await;
    let secret = session(&world).await;
    assert_eq!(world.accounts.authenticate(&secret).await.unwrap().user().name.as_str(), "administrator");
    world.accounts.log_out(&secret).await.unwrap();
    assert_eq!(kind(world.accounts.authenticate(&secret).await), Some(ErrorKind::NoSession));
    assert_eq!(kind(world.accounts.log_out(&secret).await), Some(ErrorKind::NoSession));
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_use_keeps_it() {
    let world = World::new().await;
    let (used, idle) = (session(&world).await, session(&world).await);
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(1_000));
        assert!(world.accounts.authenticate(&used).await.is_ok());
    }
    assert_eq!(kind(world.accounts.authenticate(&idle).await), Some(ErrorKind::NoSession));
}

#[tokio::test]
async fn a_session_ends_at_last_whatever_its_use() {
    let world = World::new().await;
    let secret = session(&world).await;
    for _ in 0..86 {
        world.clock.advance(Duration::from_secs(1_000));
        world.accounts.renew(&secret).await.unwrap();
    }
    world.clock.advance(Duration::from_secs(1_000));
    assert_eq!(kind(world.accounts.authenticate(&secret).await), Some(ErrorKind::NoSession));
}

#[tokio::test]
async fn identity_tokens_open_sessions_for_a_short_time_and_are_no_sessions() {
    let world = World::new().await;
    let caller = world.administrator().await;
    let identity = world.accounts.issue_identity_token(&caller).await.unwrap();
    world.accounts.check_identity_token(&identity).await.unwrap();
    assert_eq!(kind(world.accounts.authenticate(&identity).await), Some(ErrorKind::NoSession));
    let opened = world.accounts.log_in(Credentials::IdentityToken(identity.clone()), HOME).await.unwrap();
    assert_eq!(opened.caller.id(), caller.id());
    world.clock.advance(Duration::from_secs(301));
    assert_eq!(kind(world.accounts.check_identity_token(&identity).await), Some(ErrorKind::BadCredentials));
    let late = world.accounts.log_in(Credentials::IdentityToken(identity), HOME).await;
    assert_eq!(kind(late), Some(ErrorKind::BadCredentials));
}

#[tokio::test]
async fn api_tokens_are_for_oneself_and_administrators_make_them_for_others() {
    let world = World::new().await;
    let (administrator, anna) = (world.administrator().await, world.add_user("anna", &[]).await);
    let token = world.accounts.issue_api_token(&administrator, Some(anna.id())).await.unwrap();
    let opened = world.accounts.log_in(Credentials::ApiToken(token), HOME).await.unwrap();
    assert_eq!(opened.caller.id(), anna.id());
    let refused = world.accounts.issue_api_token(&anna, Some(administrator.id())).await;
    assert_eq!(kind(refused), Some(ErrorKind::MissingPrivilege));
}

#[tokio::test]
async fn guessing_is_limited_and_the_right_password_does_not_help_then() {
    let world = World::with(WorldSettings { login_failures: 3, ..WorldSettings::default() }).await;
    for _ in 0..3 {
        let refused = world.accounts.log_in(password("administrator", "wrong"), HOME).await;
        assert_eq!(kind(refused), Some(ErrorKind::BadCredentials));
    }
    let refused = world.accounts.log_in(password("administrator", PASSWORD), HOME).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TooManyRequests);
    assert!(refused.retry_after().is_some());
    world.clock.advance(Duration::from_secs(61));
    assert!(world.accounts.log_in(password("administrator", PASSWORD), HOME).await.is_ok());
}

#[tokio::test]
async fn removing_a_user_ends_their_sessions_and_their_basic_credentials() {
    let world = World::new().await;
    world.add_user("anna", &[]).await;
    let secret = world.accounts.log_in(password("anna", PASSWORD), HOME).await.unwrap().secret;
    assert!(world.accounts.authenticate_basic("anna", PASSWORD, HOME).await.is_ok());
    world.accounts.remove_user("ANNA").await.unwrap();
    assert_eq!(kind(world.accounts.authenticate(&secret).await), Some(ErrorKind::NoSession));
    assert_eq!(kind(world.accounts.authenticate_basic("anna", PASSWORD, HOME).await), Some(ErrorKind::BadCredentials));
    assert_eq!(kind(world.accounts.remove_user("administrator").await), Some(ErrorKind::Conflict));
}

#[tokio::test]
async fn basic_credentials_are_checked_each_time() {
    let world = World::new().await;
    assert!(world.accounts.authenticate_basic("administrator", PASSWORD, HOME).await.is_ok());
    let wrong = world.accounts.authenticate_basic("administrator", "correct hors", HOME).await;
    assert_eq!(kind(wrong), Some(ErrorKind::BadCredentials));
    assert_eq!(
        kind(world.accounts.authenticate_basic("nobody", PASSWORD, HOME).await),
        Some(ErrorKind::BadCredentials)
    );
}

#[tokio::test]
async fn a_password_is_generated_only_where_none_was_given() {
    let world = World::new().await;
    assert_eq!(world.accounts.ensure_administrator(None).await.unwrap(), None);
    let bad = NewUser { name: "a:b".to_owned(), full_name: None, password: String::new(), roles: [].into() };
    let refused = world.accounts.add_user(bad).await.unwrap_err();
    let fields: Vec<_> = refused.fields().iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["name", "password"]);
}
