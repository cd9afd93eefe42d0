//! Nodes (contract 3.7).

use serde::Serialize;
use vivarium_domain::evaluation::EvaluationCounts;
use vivarium_domain::node::Node;
use vivarium_domain::project::Project;

/// All nodes.
#[derive(Debug, Serialize)]
pub(crate) struct NodeList {
    /// The nodes, by name.
    pub(crate) nodes: Vec<NodeDocument>,
}

/// A node. `load` counts the evaluations it runs or has queued; only the answering node knows its own.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeDocument {
    name: String,
    ip_address: String,
    port: u16,
    service_control: bool,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    load: Option<usize>,
    default: bool,
    projects: Vec<NodeProject>,
}

/// A project on a node.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NodeProject {
    id: String,
    name: String,
    status: &'static str,
}

impl From<&Project> for NodeProject {
    fn from(project: &Project) -> Self {
        Self { id: project.id.to_string(), name: project.name.to_string(), status: "loaded" }
    }
}

impl NodeDocument {
    /// A node with `projects`; `counts` are there for the node that answers.
    pub(crate) fn new(node: Node, is_alive: bool, projects: &[NodeProject], counts: Option<EvaluationCounts>) -> Self {
        let (host, port) = node.address.rsplit_once(':').unwrap_or((&node.address, ""));
        Self {
            ip_address: host.trim_matches(['[', ']']).to_owned(),
            port: port.parse().unwrap_or_default(),
            service_control: false,
            status: if is_alive { "running" } else { "stopped" },
            load: counts.map(|counts| counts.running + counts.queued),
            default: counts.is_some(),
            projects: if is_alive { projects.to_vec() } else { Vec::new() },
            name: node.name,
        }
    }
}
