//! Runtimes.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use vivarium_domain::access::{Acl, AclEntry, Rights, TrusteeKind};
use vivarium_domain::id::{RevisionId, RuntimeId, TrusteeId};
use vivarium_domain::ports::{RuntimeStore, StoreResult};
use vivarium_domain::runtime::{Runtime, RuntimeDefinition};

use super::{SqlStore, touched, touched_or_stale};
use crate::database::{ColumnError, Fault, Record, Value, because, statement};

macro_rules! select_runtimes {
    ($rest:literal) => {
        concat!(
            "SELECT id, revision, build, name, description, whitelist, packages, resource, time_limit_seconds, \
             min_cached_instances, max_cached_instances, python_version, others, execution_target, stopped, owner, \
             acl, created, modified, instance_mode FROM runtimes ",
            $rest
        )
    };
}

/// The statement with all columns of a runtime, and further values behind them.
macro_rules! runtime_statement {
    ($sql:expr, $runtime:ident $(, $further:expr)*) => {
        statement!(
            $sql,
            $runtime.id,
            $runtime.revision,
            $runtime.build,
            &$runtime.definition.name,
            $runtime.definition.name.key(),
            Value::json(&$runtime.definition.description),
            Value::json(&$runtime.definition.whitelist),
            Value::json(&$runtime.definition.packages),
            Value::json(&$runtime.definition.resource),
            $runtime.definition.time_limit_seconds,
            $runtime.definition.min_cached_instances,
            $runtime.definition.max_cached_instances,
            Value::json(&$runtime.definition.python_version),
            Value::json(&$runtime.definition.others),
            Value::json(&$runtime.definition.execution_target),
            $runtime.stopped,
            $runtime.owner,
            Value::json(&acl_rows(&$runtime.acl)),
            $runtime.created,
            $runtime.modified,
            Value::json(&$runtime.definition.instance_mode),
            $($further),*
        )
    };
}

const INSERT: &str = "INSERT INTO runtimes (id, revision, build, name, name_key, description, whitelist, packages, \
     resource, time_limit_seconds, min_cached_instances, max_cached_instances, python_version, others, \
     execution_target, stopped, owner, acl, created, modified, instance_mode) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)";

const UPDATE: &str = "UPDATE runtimes SET revision = $2, build = $3, name = $4, name_key = $5, description = $6, \
     whitelist = $7, packages = $8, resource = $9, time_limit_seconds = $10, min_cached_instances = $11, \
     max_cached_instances = $12, python_version = $13, others = $14, execution_target = $15, stopped = $16, \
     owner = $17, acl = $18, created = $19, modified = $20, instance_mode = $21 WHERE id = $1 AND revision = $22";

#[async_trait]
impl RuntimeStore for SqlStore {
    async fn insert_runtime(&self, runtime: &Runtime) -> StoreResult<()> {
        self.database.write(runtime_statement!(INSERT, runtime)).await.map(drop).map_err(Fault::of_named)
    }

    async fn update_runtime(&self, runtime: &Runtime, expected: RevisionId) -> StoreResult<()> {
        let statement = runtime_statement!(UPDATE, runtime, expected);
        let touched = self.database.write(statement).await.map_err(Fault::of_named)?;
        touched_or_stale(Ok(touched))
    }

    async fn delete_runtime(&self, id: RuntimeId) -> StoreResult<bool> {
        touched(self.database.write(statement!("DELETE FROM runtimes WHERE id = $1", id)).await)
    }

    async fn runtime(&self, id: RuntimeId) -> StoreResult<Option<Runtime>> {
        self.database.first(statement!(select_runtimes!("WHERE id = $1"), id), runtime).await
    }

    async fn runtime_by_name_key(&self, key: &str) -> StoreResult<Option<Runtime>> {
        self.database.first(statement!(select_runtimes!("WHERE name_key = $1"), key), runtime).await
    }

    async fn runtimes(&self) -> StoreResult<Vec<Runtime>> {
        self.database.all(statement!(select_runtimes!("ORDER BY name_key")), runtime).await
    }
}

fn runtime(record: &Record) -> Result<Runtime, ColumnError> {
    Ok(Runtime {
        id: record.id("id")?,
        revision: record.id("revision")?,
        build: record.id("build")?,
        definition: definition(record)?,
        stopped: record.flag("stopped")?,
        owner: record.id("owner")?,
        acl: acl(&record.json::<Vec<AclRow>>("acl")?)?,
        created: record.time("created")?,
        modified: record.time("modified")?,
    })
}

fn definition(record: &Record) -> Result<RuntimeDefinition, ColumnError> {
    Ok(RuntimeDefinition {
        name: record.name()?,
        description: record.json("description")?,
        whitelist: record.json("whitelist")?,
        packages: record.json("packages")?,
        resource: record.json("resource")?,
        time_limit_seconds: record.number("time_limit_seconds")?,
        min_cached_instances: record.number("min_cached_instances")?,
        max_cached_instances: record.number("max_cached_instances")?,
        instance_mode: record.json("instance_mode")?,
        python_version: record.json("python_version")?,
        others: record.json("others")?,
        execution_target: record.json("execution_target")?,
    })
}

/// A line of an access list in the column `acl`.
#[derive(Serialize, Deserialize)]
struct AclRow {
    trustee: String,
    kind: TrusteeKind,
    rights: u32,
    deny: bool,
    inheritable: bool,
}

fn acl_rows(acl: &Acl) -> Vec<AclRow> {
    let row = |entry: &AclEntry| AclRow {
        trustee: entry.trustee.to_string(),
        kind: entry.kind,
        rights: entry.rights.bits(),
        deny: entry.deny,
        inheritable: entry.inheritable,
    };
    acl.0.iter().map(row).collect()
}

fn acl(rows: &[AclRow]) -> Result<Acl, ColumnError> {
    let entry = |row: &AclRow| {
        let trustee: TrusteeId = row.trustee.parse().map_err(because("acl"))?;
        let rights = Rights::from_bits(row.rights).ok_or_else(|| because("acl")("there are unknown rights"))?;
        Ok(AclEntry { trustee, kind: row.kind, rights, deny: row.deny, inheritable: row.inheritable })
    };
    rows.iter().map(entry).collect::<Result<_, _>>().map(Acl)
}
