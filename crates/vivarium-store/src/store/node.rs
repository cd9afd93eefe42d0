//! Nodes, and what they report of runtimes.

use async_trait::async_trait;
use vivarium_domain::id::{NodeId, RuntimeId};
use vivarium_domain::node::Node;
use vivarium_domain::ports::{NodeStore, StoreResult};
use vivarium_domain::runtime::NodeRuntimeState;
use vivarium_domain::time::Timestamp;

use super::{SqlStore, touched_or_stale};
use crate::database::{ColumnError, Fault, Record, Value, statement};

const REGISTER: &str = "INSERT INTO nodes (id, name, address, version, missing_layers, started, heartbeat, stopped) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET name = excluded.name, \
     address = excluded.address, version = excluded.version, missing_layers = excluded.missing_layers, \
     started = excluded.started, heartbeat = excluded.heartbeat, stopped = excluded.stopped";

const SELECT_NODES: &str =
    "SELECT id, name, address, version, missing_layers, started, heartbeat, stopped FROM nodes ORDER BY name";

const PUT_STATE: &str = "INSERT INTO node_runtimes \
     (runtime, node, build, state, packages, fault, serving, stopped, updated) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (runtime, node) DO UPDATE SET build = excluded.build, \
     state = excluded.state, packages = excluded.packages, fault = excluded.fault, serving = excluded.serving, \
     stopped = excluded.stopped, updated = excluded.updated";

macro_rules! select_states {
    ($rest:literal) => {
        concat!(
            "SELECT runtime, node, build, state, packages, fault, serving, stopped, updated FROM node_runtimes ",
            $rest
        )
    };
}

#[async_trait]
impl NodeStore for SqlStore {
    async fn register_node(&self, node: &Node) -> StoreResult<()> {
        let Node { id, name, address, version, missing_layers, started, heartbeat, stopped } = node;
        let (name, address, version) = (name.as_str(), address.as_str(), version.as_str());
        let layers = Value::json(missing_layers);
        let statement = statement!(REGISTER, *id, name, address, version, layers, *started, *heartbeat, *stopped);
        self.database.write(statement).await.map(drop).map_err(Fault::of_named)
    }

    async fn heartbeat(&self, id: NodeId, now: Timestamp) -> StoreResult<()> {
        touched_or_stale(
            self.database.write(statement!("UPDATE nodes SET heartbeat = $2 WHERE id = $1", id, now)).await,
        )
    }

    async fn mark_node_stopped(&self, id: NodeId, now: Timestamp) -> StoreResult<()> {
        const STOP: &str = "UPDATE nodes SET heartbeat = $2, stopped = $3 WHERE id = $1";
        Ok(self.database.write(statement!(STOP, id, now, true)).await.map(drop)?)
    }

    async fn nodes(&self) -> StoreResult<Vec<Node>> {
        self.database.all(statement!(SELECT_NODES), node).await
    }

    async fn put_node_state(&self, state: &NodeRuntimeState) -> StoreResult<()> {
        match self.database.write(put_state(state)).await {
            // The runtime was deleted meanwhile: the reference to it is the only one of this table.
            Err(Fault::DanglingReference) => Ok(()),
            outcome => Ok(outcome.map(drop)?),
        }
    }

    async fn node_states(&self) -> StoreResult<Vec<NodeRuntimeState>> {
        self.database.all(statement!(select_states!("ORDER BY runtime, node")), node_state).await
    }

    async fn node_states_of(&self, runtime: RuntimeId) -> StoreResult<Vec<NodeRuntimeState>> {
        self.database.all(statement!(select_states!("WHERE runtime = $1 ORDER BY node"), runtime), node_state).await
    }
}

fn node(record: &Record) -> Result<Node, ColumnError> {
    Ok(Node {
        id: record.id("id")?,
        name: record.text("name")?,
        address: record.text("address")?,
        version: record.text("version")?,
        missing_layers: record.json("missing_layers")?,
        started: record.time("started")?,
        heartbeat: record.time("heartbeat")?,
        stopped: record.flag("stopped")?,
    })
}

fn put_state(state: &NodeRuntimeState) -> crate::database::Statement {
    statement!(
        PUT_STATE,
        state.runtime,
        state.node,
        state.build,
        Value::json(&state.state),
        Value::json(&state.packages),
        Value::optional_json(state.fault.as_ref()),
        Value::optional_json(state.serving.as_ref()),
        state.stopped,
        state.updated,
    )
}

fn node_state(record: &Record) -> Result<NodeRuntimeState, ColumnError> {
    Ok(NodeRuntimeState {
        node: record.id("node")?,
        runtime: record.id("runtime")?,
        build: record.id("build")?,
        state: record.json("state")?,
        packages: record.json("packages")?,
        fault: record.optional_json("fault")?,
        serving: record.optional_json("serving")?,
        stopped: record.flag("stopped")?,
        updated: record.time("updated")?,
    })
}
