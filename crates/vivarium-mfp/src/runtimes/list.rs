//! Runtimes (GET), contract 2.1.

use vivarium_domain::runtime::RuntimeView;

use super::API_VERSION;
use super::synchronization::status_text;
use crate::document::{Document, List, Object};
use crate::inquiry::Inquiry;
use crate::language::Catalogue;
use crate::refusal::Failure;
use crate::router::Administration;

/// Which runtimes are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Running,
    /// Also those that do not run now.
    Database,
}

const MODES: [(&str, Mode); 2] = [("running", Mode::Running), ("db", Mode::Database)];

/// The runtimes by name.
pub(crate) async fn list(administration: &Administration, inquiry: &Inquiry) -> Result<Document, Failure> {
    let mode = inquiry.choice("mode", &MODES)?;
    let views = administration.runtimes.list_for_roles(&inquiry.caller).await?;
    let catalogue = inquiry.catalogue();
    let wanted = views.iter().filter(|view| mode == Mode::Database || view.running);
    let projects = wanted.map(|view| project(inquiry, view, &catalogue)).collect();
    let content = Object::new()
        .with("productVersion", administration.presentation.product_version.as_str())
        .with("projects", List::new("project", projects));
    Ok(Document::new("projectconfiguration", content))
}

fn project(inquiry: &Inquiry, view: &RuntimeView, catalogue: &Catalogue) -> Object {
    let name = view.runtime.definition.name.as_str();
    Object::new()
        .with("apiVersion", API_VERSION)
        .with("link", inquiry.link(name))
        .with("name", name)
        .with("running", view.running)
        .with("synchronizationStatus", status_text(view, catalogue))
}
