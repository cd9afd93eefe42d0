//! The identity of a running script, over fakes.

#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use vivarium_domain::ErrorKind;
use vivarium_domain::access::Caller;
use vivarium_domain::account::{Credentials, Token, TokenKind, TokenSecret};
use vivarium_domain::evaluation::{EvaluationState, StartEvaluation};
use vivarium_domain::id::EvaluationId;
use vivarium_domain::ports::{AccountStore, EvaluationStore};
use vivarium_domain::time::Clock;
use vivarium_testkit::{SCRIPT_TOKEN, World, WorldSettings};

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

async fn introducing() -> World {
    World::with(WorldSettings { introduces: true, ..WorldSettings::default() }).await
}

async fn start(world: &World, caller: &Caller, rest: &str) -> EvaluationId {
    let source = format!("show {SCRIPT_TOKEN}\n{rest}");
    let request = StartEvaluation { runtime: None, source, variables: Vec::new(), waits: false };
    world.evaluations.start(caller, request).await.unwrap()
}

/// What the script says that it found.
async fn shown(world: &World, caller: &Caller, id: EvaluationId) -> String {
    let mut watch = world.evaluations.watch(caller, id).await.unwrap();
    while watch.evaluation().stdout.is_empty() {
        watch.changed().await;
    }
    watch.evaluation().stdout_text()
}

/// A running script of a new user: its session.
async fn running(world: &World, caller: &Caller) -> (EvaluationId, TokenSecret) {
    let id = start(world, caller, "wait gate").await;
    let text = shown(world, caller, id).await;
    let secret = text.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap();
    (id, TokenSecret::from_client(secret))
}

async fn finished(world: &World, caller: &Caller, id: EvaluationId) -> EvaluationState {
    let mut watch = world.evaluations.watch(caller, id).await.unwrap();
    watch.finished().await;
    watch.evaluation().state
}

async fn token(world: &World, secret: &TokenSecret, kind: TokenKind) -> Option<Token> {
    world.store.token(secret.hash(), kind).await.unwrap()
}

async fn refused(world: &World, secret: &TokenSecret) {
    assert_eq!(world.accounts.authenticate(secret).await.unwrap_err().kind(), ErrorKind::NoSession);
}

#[tokio::test]
async fn a_script_acts_for_its_user_until_it_ends_in_whatever_way() {
    let world = introducing().await;
    let anna = world.add_user("anna", &[]).await;
    for end in ["open", "cancel"] {
        let (id, secret) = running(&world, &anna).await;
        assert_eq!(world.accounts.authenticate(&secret).await.unwrap().id(), anna.id());
        match end {
            "open" => world.instances.open("gate"),
            _ => world.evaluations.cancel(&anna, id).await.unwrap(),
        }
        finished(&world, &anna, id).await;
        refused(&world, &secret).await;
        assert_eq!(token(&world, &secret, TokenKind::Session).await, None);
        world.instances.close("gate");
    }
}

#[tokio::test]
async fn no_script_gets_the_identity_of_another() {
    let world = introducing().await;
    let (anna, ben) = (world.add_user("anna", &[]).await, world.add_user("ben", &[]).await);
    let ((first, hers), (_, his)) = (running(&world, &anna).await, running(&world, &ben).await);
    assert_ne!(hers, his);
    world.evaluations.cancel(&anna, first).await.unwrap();
    refused(&world, &hers).await;
    assert_eq!(world.accounts.authenticate(&his).await.unwrap().id(), ben.id());
}

#[tokio::test]
async fn what_was_derived_ends_with_the_script() {
    let world = introducing().await;
    let anna = world.add_user("anna", &[]).await;
    let (id, secret) = running(&world, &anna).await;
    let root = token(&world, &secret, TokenKind::Session).await.unwrap();
    let caller = world.accounts.authenticate(&secret).await.unwrap();
    let identity = world.accounts.issue_identity_token(&caller).await.unwrap();
    let delegated = world.accounts.log_in(Credentials::IdentityToken(identity.clone()), HOME).await.unwrap();
    let session = token(&world, &delegated.secret, TokenKind::Session).await.unwrap();
    assert_eq!((session.evaluation, session.expires), (Some(id), root.expires));
    let refusal = world.accounts.issue_api_token(&delegated.caller, None).await.unwrap_err();
    assert_eq!(refusal.kind(), ErrorKind::MissingPermission);
    world.evaluations.cancel(&anna, id).await.unwrap();
    refused(&world, &delegated.secret).await;
    let again = world.accounts.log_in(Credentials::IdentityToken(identity), HOME).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::BadCredentials);
}

#[tokio::test]
async fn what_is_derived_at_the_last_moment_does_not_stay() {
    let world = introducing().await;
    let anna = world.add_user("anna", &[]).await;
    let (id, secret) = running(&world, &anna).await;
    let caller = world.accounts.authenticate(&secret).await.unwrap();
    world.evaluations.cancel(&anna, id).await.unwrap();
    let late = world.accounts.issue_identity_token(&caller).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::NoSession);
    assert_eq!(world.store.delete_tokens_of(id).await.unwrap(), 0);
}

#[tokio::test]
async fn an_identity_is_good_for_the_time_limit_and_a_little_more_without_use() {
    let world = introducing().await;
    let anna = world.add_user("anna", &[]).await;
    let (_, secret) = running(&world, &anna).await;
    let expires = token(&world, &secret, TokenKind::Session).await.unwrap().expires.unwrap();
    let left = expires.since(world.clock.now());
    world.clock.advance(left - Duration::from_secs(1));
    assert!(world.accounts.authenticate(&secret).await.is_ok());
    world.clock.advance(Duration::from_secs(1));
    refused(&world, &secret).await;
}

#[tokio::test]
async fn a_crash_leaves_no_identity() {
    let world = introducing().await;
    let anna = world.add_user("anna", &[]).await;
    let (id, secret) = running(&world, &anna).await;
    world.evaluations.recover().await.unwrap();
    assert_eq!(world.store.evaluation(id).await.unwrap().unwrap().state, EvaluationState::Error);
    refused(&world, &secret).await;
}

#[tokio::test]
async fn scripts_without_an_identity_find_nothing_and_no_token_is_made() {
    let world = World::new().await;
    let anna = world.add_user("anna", &[]).await;
    let id = start(&world, &anna, "wait gate").await;
    assert_eq!(shown(&world, &anna, id).await, format!("`{SCRIPT_TOKEN}` is not bound\n"));
    assert_eq!(world.store.delete_tokens_of(id).await.unwrap(), 0);
}
