//! The store as a whole.

use vivarium_domain::account::{PasswordHash, User};
use vivarium_domain::ports::{AccountStore, Store, StoreError};
use vivarium_store::SqlStore;

use super::samples::{NASTY, user};

pub(crate) async fn it_answers(store: &dyn Store) {
    store.ping().await.unwrap();
}

pub(crate) async fn a_closed_store_says_so(store: &SqlStore) {
    store.insert_user(&user("anna")).await.unwrap();
    store.close().await;
    store.close().await;
    assert!(matches!(store.ping().await, Err(StoreError::Database(_))));
    assert!(matches!(store.insert_user(&user("ben")).await, Err(StoreError::Database(_))));
}

pub(crate) async fn hostile_texts_are_only_texts(store: &dyn Store) {
    let password = PasswordHash("x'); DELETE FROM users; --".to_owned());
    let hostile = User { password, ..user("Robert'); DROP TABLE users;--") };
    store.insert_user(&hostile).await.unwrap();
    assert_eq!(store.user_by_name_key("' OR '1'='1").await.unwrap(), None);
    assert_eq!(store.user_by_name_key(&NASTY.replace('\0', "")).await.unwrap(), None);
    assert_eq!(store.users().await.unwrap(), [hostile]);
}
