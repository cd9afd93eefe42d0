//! Runtime (GET), contract 2.2.

use http::StatusCode;
use vivarium_domain::ErrorKind;
use vivarium_domain::runtime::RuntimeView;

use super::synchronization::status_text;
use crate::document::{Document, List, Object};
use crate::inquiry::Inquiry;
use crate::language::{Code, Message};
use crate::refusal::{Failure, Refusal};
use crate::router::Administration;

const FLAGS: [(&str, bool); 2] = [("false", false), ("true", true)];

/// One runtime, found by its name without regard to case.
pub(crate) async fn detail(administration: &Administration, inquiry: &Inquiry) -> Result<Document, Failure> {
    let expanded = inquiry.choice("expand", &FLAGS)?;
    let found = administration.runtimes.get_for_roles(&inquiry.caller, &inquiry.runtime).await;
    let view = found.map_err(|error| match error.kind() {
        ErrorKind::NotFound => no_such_runtime(&inquiry.runtime).into(),
        _ => Failure::from(error),
    })?;
    let content = with_contents(runtime(&view, inquiry), expanded)
        .with("productVersion", administration.presentation.product_version.as_str());
    Ok(Document::new("runtime", content))
}

fn no_such_runtime(name: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, Code::NotFound).because(Message::new(Code::NoSuchRuntime).with("runtime", name))
}

/// Devices, confidential clients and configuration belong to mobile applications, which this server has none of.
fn runtime(view: &RuntimeView, inquiry: &Inquiry) -> Object {
    Object::new()
        .with("confidentialClients", List::new("confidentialClient", Vec::new()))
        .with("config", Object::new())
        .with("name", view.runtime.definition.name.as_str())
        .with("numberOfActiveDevices", 0)
        .with("numberOfDecommisionedDevices", 0)
        .with("running", view.running)
        .with("runtimeInfo", runtime_info())
        .with("synchronizationStatus", status_text(view, &inquiry.catalogue()))
}

/// Counts of adapters and applications, or these themselves: a runtime has none of them here.
fn with_contents(runtime: Object, expanded: bool) -> Object {
    if expanded {
        let none = |item| List::new(item, Vec::new());
        return runtime.with("adapters", none("adapter")).with("applications", none("application"));
    }
    runtime.with("numberOfAdapters", 0).with("numberOfApplications", 0)
}

/// The settings that a runtime of the original knows, with the defaults that hold here: no analytics, no checks of
/// the authenticity of applications, no external authorization server.
fn runtime_info() -> Object {
    let security = Object::new()
        .with("activityUpdateThresholdSec", setting("3600", "integer"))
        .with("expirationMarginSec", setting("2", "integer"))
        .with("externalAZIntrospectionURL", setting("", "string"))
        .with("externalAZSharedSecret", setting("", "string"));
    Object::new()
        .with("adaptersSecurityChecks", Object::new())
        .with("analytics", Object::new().with("analyticsEnabled", setting("false", "boolean")))
        .with("appAuthenticityEnabled", false)
        .with("security", security)
        .with("securityChecks", Object::new())
}

fn setting(default: &str, kind: &str) -> Object {
    Object::new().with("defaultValue", default).with("type", kind)
}
