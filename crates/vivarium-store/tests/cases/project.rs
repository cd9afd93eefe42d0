//! Projects.

use vivarium_domain::id::ProjectId;
use vivarium_domain::ports::{Store, StoreError};
use vivarium_domain::project::Project;

use super::samples::{NASTY, at, name};

fn project(text: &str, created: i64) -> Project {
    let description = NASTY.to_owned();
    Project { id: ProjectId::random(), name: name(text), description, created: at(created), modified: at(9) }
}

pub(crate) async fn projects_come_back_the_oldest_first(store: &dyn Store) {
    let (young, old) = (project("A", 2), project("Ä 'b'", 1));
    store.insert_project(&young).await.unwrap();
    store.insert_project(&old).await.unwrap();
    assert_eq!(store.projects().await.unwrap(), [old, young]);
}

pub(crate) async fn names_of_projects_are_taken_without_regard_to_case(store: &dyn Store) {
    let first = project("Vivarium", 1);
    store.insert_project(&first).await.unwrap();
    for again in [project("VIVARIUM", 2), first.clone()] {
        let outcome = store.insert_project(&again).await;
        assert!(matches!(outcome, Err(StoreError::NameTaken)), "{outcome:?}");
    }
    assert_eq!(store.projects().await.unwrap(), [first]);
}
