//! What operators watch: projects and nodes (contract 2.6, 3.7).

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use vivarium_http::{Answer, QueryParameters};

use super::Parts;
use crate::paging::Page;
use crate::session::Session;
use crate::wire::{LoadedProject, NodeDocument, NodeList, NodeProject, ProjectList, ProjectNode};

pub(crate) async fn projects(State(parts): Parts, session: Session, page: Page) -> Answer<impl IntoResponse> {
    let nodes = parts.nodes.list(&session.caller).await?;
    let nodes: Vec<_> =
        nodes.iter().filter(|(_, alive)| *alive).map(|(node, _)| ProjectNode::new(&node.name)).collect();
    let projects = parts.projects.list(&session.caller).await?;
    let documents = projects.into_iter().map(|project| LoadedProject::new(project, &nodes)).collect();
    Ok(page.of(documents, |projects| ProjectList { projects }))
}

pub(crate) async fn nodes(State(parts): Parts, session: Session, query: QueryParameters) -> Answer<impl IntoResponse> {
    let (name, project) = (query.get("name"), query.get("projects.id"));
    let projects = parts.projects.list(&session.caller).await?;
    let projects =
        projects.iter().filter(|known| project.is_none_or(|id| id.eq_ignore_ascii_case(&known.id.to_string())));
    let projects: Vec<_> = projects.map(NodeProject::from).collect();
    let own = parts.nodes.own().id;
    let listed = parts
        .nodes
        .list(&session.caller)
        .await?
        .into_iter()
        .filter(|(node, _)| name.is_none_or(|name| name == node.name));
    let nodes = listed.map(|(node, alive)| {
        let counts = (node.id == own).then(|| parts.evaluations.counts());
        NodeDocument::new(node, alive, &projects, counts)
    });
    Ok(Json(NodeList { nodes: nodes.collect() }))
}
