//! Users and tokens.

use std::collections::BTreeSet;

use vivarium_domain::account::{Role, Token, TokenKind, TokenSecret, User};
use vivarium_domain::id::{EvaluationId, UserId};
use vivarium_domain::ports::{Store, StoreError};

use super::samples::{at, name, runtime, token, user};

pub(crate) async fn a_user_comes_back_as_it_was(store: &dyn Store) {
    let mut anna = user("Änna O'Brien; \"quoted\"");
    store.insert_user(&anna).await.unwrap();
    assert_eq!(store.user(anna.id).await.unwrap().as_ref(), Some(&anna));
    anna.roles = BTreeSet::new();
    anna.full_name = String::new();
    anna.modified = at(5);
    store.update_user(&anna).await.unwrap();
    assert_eq!(store.user_by_name_key(&anna.name.key()).await.unwrap(), Some(anna));
    assert_eq!(store.user(UserId::random()).await.unwrap(), None);
    assert_eq!(store.user_by_name_key("nobody").await.unwrap(), None);
}

pub(crate) async fn names_of_users_are_taken_without_regard_to_case(store: &dyn Store) {
    store.insert_user(&user("ÄPFEL")).await.unwrap();
    let again = store.insert_user(&user("äpfel")).await;
    assert!(matches!(again, Err(StoreError::NameTaken)), "{again:?}");
    assert_eq!(store.users().await.unwrap().len(), 1);
}

pub(crate) async fn a_user_can_be_renamed_but_not_to_a_taken_name(store: &dyn Store) {
    let (anna, ben) = (user("anna"), user("ben"));
    store.insert_user(&anna).await.unwrap();
    store.insert_user(&ben).await.unwrap();
    let taken = store.update_user(&User { name: name("ANNA"), ..ben.clone() }).await;
    assert!(matches!(taken, Err(StoreError::NameTaken)), "{taken:?}");
    store.update_user(&User { name: name("Anna"), ..anna.clone() }).await.unwrap();
    assert_eq!(store.user(anna.id).await.unwrap().unwrap().name, name("Anna"));
    assert_eq!(store.user(ben.id).await.unwrap(), Some(ben));
}

pub(crate) async fn a_user_that_is_gone_cannot_be_updated(store: &dyn Store) {
    let outcome = store.update_user(&user("nobody")).await;
    assert!(matches!(outcome, Err(StoreError::Stale)), "{outcome:?}");
    assert!(store.users().await.unwrap().is_empty());
}

pub(crate) async fn users_are_listed_by_name(store: &dyn Store) {
    for login in ["zoe", "Ben", "anna", "ärna", "_x"] {
        store.insert_user(&user(login)).await.unwrap();
    }
    let names: Vec<_> = store.users().await.unwrap().iter().map(|user| user.name.to_string()).collect();
    assert_eq!(names, ["_x", "anna", "Ben", "zoe", "ärna"]);
}

pub(crate) async fn a_deleted_user_takes_the_tokens_along_but_not_the_runtimes(store: &dyn Store) {
    let (anna, ben) = (user("anna"), user("ben"));
    store.insert_user(&anna).await.unwrap();
    store.insert_user(&ben).await.unwrap();
    let (hers, his) = (token(anna.id, TokenKind::Api), token(ben.id, TokenKind::Api));
    store.insert_token(&hers).await.unwrap();
    store.insert_token(&his).await.unwrap();
    let owned = vivarium_domain::runtime::Runtime { owner: anna.id, ..runtime("hers") };
    store.insert_runtime(&owned).await.unwrap();
    assert!(store.delete_user(anna.id).await.unwrap());
    assert!(!store.delete_user(anna.id).await.unwrap());
    assert_eq!(store.token(hers.hash, TokenKind::Api).await.unwrap(), None);
    assert_eq!(store.token(his.hash, TokenKind::Api).await.unwrap(), Some(his));
    assert_eq!(store.runtime(owned.id).await.unwrap(), Some(owned));
}

pub(crate) async fn a_token_is_found_by_hash_and_kind(store: &dyn Store) {
    let anna = user("anna");
    store.insert_user(&anna).await.unwrap();
    let endless = Token { expires: None, ..token(anna.id, TokenKind::Api) };
    store.insert_token(&endless).await.unwrap();
    assert_eq!(store.token(endless.hash, TokenKind::Api).await.unwrap().as_ref(), Some(&endless));
    assert_eq!(store.token(endless.hash, TokenKind::Session).await.unwrap(), None);
    assert_eq!(store.token(TokenSecret::random().hash(), TokenKind::Api).await.unwrap(), None);
    assert!(store.delete_token(endless.hash).await.unwrap());
    assert!(!store.delete_token(endless.hash).await.unwrap());
    assert_eq!(store.token(endless.hash, TokenKind::Api).await.unwrap(), None);
}

pub(crate) async fn no_token_for_somebody_who_is_gone(store: &dyn Store) {
    let outcome = store.insert_token(&token(UserId::random(), TokenKind::Session)).await;
    assert!(matches!(outcome, Err(StoreError::Stale)), "{outcome:?}");
}

pub(crate) async fn the_last_use_of_a_token_never_goes_back(store: &dyn Store) {
    let anna = User { roles: BTreeSet::from([Role::Admin]), ..user("anna") };
    store.insert_user(&anna).await.unwrap();
    let session = token(anna.id, TokenKind::Session);
    store.insert_token(&session).await.unwrap();
    store.touch_token(session.hash, at(3000)).await.unwrap();
    store.touch_token(session.hash, at(2500)).await.unwrap();
    store.touch_token(TokenSecret::random().hash(), at(4000)).await.unwrap();
    let touched = store.token(session.hash, TokenKind::Session).await.unwrap();
    assert_eq!(touched, Some(Token { last_used: at(3000), ..session }));
}

pub(crate) async fn tokens_expire_by_time_and_sessions_by_idleness(store: &dyn Store) {
    let anna = user("anna");
    store.insert_user(&anna).await.unwrap();
    let session = || token(anna.id, TokenKind::Session);
    let ended = Token { expires: Some(at(5000)), last_used: at(4999), ..session() };
    let idle = Token { last_used: at(2999), ..session() };
    let busy = Token { last_used: at(3000), expires: Some(at(5001)), ..session() };
    let unused_api = Token { last_used: at(1), expires: None, ..token(anna.id, TokenKind::Api) };
    let unused_identity = Token { last_used: at(1), ..token(anna.id, TokenKind::Identity) };
    for token in [&ended, &idle, &busy, &unused_api, &unused_identity] {
        store.insert_token(token).await.unwrap();
    }
    assert_eq!(store.delete_expired_tokens(at(5000), at(3000)).await.unwrap(), 2);
    for kept in [busy, unused_api, unused_identity] {
        assert_eq!(store.token(kept.hash, kept.kind).await.unwrap(), Some(kept));
    }
    assert_eq!(store.delete_expired_tokens(at(5000), at(3000)).await.unwrap(), 0);
}

pub(crate) async fn tokens_of_an_evaluation_end_with_it(store: &dyn Store) {
    let anna = user("anna");
    store.insert_user(&anna).await.unwrap();
    let (this, other) = (EvaluationId::random(), EvaluationId::random());
    let of = |evaluation, kind| Token { evaluation, last_used: at(1), ..token(anna.id, kind) };
    let ended = [of(Some(this), TokenKind::Session), of(Some(this), TokenKind::Identity)];
    let kept = of(Some(other), TokenKind::Session);
    for token in [&ended[0], &ended[1], &kept] {
        store.insert_token(token).await.unwrap();
    }
    assert_eq!(store.delete_expired_tokens(at(8000), at(7000)).await.unwrap(), 0, "a script that computes is not idle");
    assert_eq!(store.delete_tokens_of(this).await.unwrap(), 2);
    assert_eq!(store.delete_tokens_of(this).await.unwrap(), 0);
    for token in ended {
        assert_eq!(store.token(token.hash, token.kind).await.unwrap(), None);
    }
    assert_eq!(store.token(kept.hash, kept.kind).await.unwrap(), Some(kept));
}
