//! Defining and reading runtimes.

use std::sync::Arc;

use tokio::sync::Notify;

use super::change::{Capacity, RuntimeChange, Surroundings};
use super::definition::RuntimeDefinition;
use super::model::{DEFAULT_RUNTIME_ID, DEFAULT_RUNTIME_NAME, Runtime, RuntimePool, RuntimeView};
use super::package::PackageSpec;
use super::view::Backdrop;
use crate::access::{Acl, AclEntry, Caller, EVERYONE, PUBLIC_GUEST, Privilege, Rights, TrusteeKind};
use crate::account::{ADMINISTRATOR_ID, Role};
use crate::error::{Error, ErrorKind, Result};
use crate::evaluation::Evaluations;
use crate::id::{BuildId, RevisionId, RuntimeId, UserId};
use crate::name::Name;
use crate::ports::{Environments, Store, StoreError};
use crate::time::SharedClock;

/// What the operator decides about runtimes in general.
#[derive(Debug, Clone)]
pub struct RuntimeSettings {
    /// Packages of the default runtime.
    pub default_packages: Vec<PackageSpec>,
    /// The most that one evaluation can ever get on this node.
    pub capacity: Capacity,
}

/// What the use cases of runtimes are made of.
pub struct RuntimeParts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: SharedClock,
    /// Interpreters and environments.
    pub environments: Arc<dyn Environments>,
    /// Evaluations, which end with their runtime.
    pub evaluations: Arc<Evaluations>,
    /// Wakes the synchronizer of this node.
    pub wake: Arc<Notify>,
    /// What the operator decides.
    pub settings: RuntimeSettings,
}

/// The use cases of runtimes.
pub struct Runtimes {
    pub(super) parts: RuntimeParts,
}

impl Runtimes {
    /// The use cases over their parts.
    pub fn new(parts: RuntimeParts) -> Self {
        Self { parts }
    }

    /// Makes the default runtime at the first start. A node without any interpreter makes none.
    pub async fn ensure_default(&self) -> Result<()> {
        if self.parts.store.runtime(DEFAULT_RUNTIME_ID).await?.is_some() {
            return Ok(());
        }
        let change = RuntimeChange {
            name: Some(DEFAULT_RUNTIME_NAME.to_owned()),
            description: Some("the runtime for code that names none".to_owned()),
            min_cached_instances: Some(1),
            max_cached_instances: Some(2),
            ..RuntimeChange::default()
        };
        let mut definition = change.apply(None, &self.surroundings()).map_err(Error::invalid_fields)?;
        definition.packages.clone_from(&self.parts.settings.default_packages);
        let mut runtime = self.fresh(DEFAULT_RUNTIME_ID, ADMINISTRATOR_ID, definition);
        let grant = |trustee, rights| AclEntry::grant(trustee, TrusteeKind::Group, rights);
        runtime.acl.0.splice(0..0, [grant(PUBLIC_GUEST, Rights::BROWSE), grant(EVERYONE, Rights::VIEW)]);
        match self.parts.store.insert_runtime(&runtime).await {
            // Another node of the farm was quicker.
            Ok(()) | Err(StoreError::NameTaken) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The runtimes that the caller may browse, by name.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<RuntimeView>> {
        let mut views = self.views(caller).await?;
        views.retain(|view| view.rights.contains(Rights::BROWSE));
        Ok(views)
    }

    /// All runtimes by name, for holders of any of the four roles of the MobileFirst dialect.
    pub async fn list_for_roles(&self, caller: &Caller) -> Result<Vec<RuntimeView>> {
        require_role(caller)?;
        self.views(caller).await
    }

    /// A runtime by name, for holders of any of the four roles of the MobileFirst dialect.
    pub async fn get_for_roles(&self, caller: &Caller, name: &str) -> Result<RuntimeView> {
        require_role(caller)?;
        let missing = || Error::not_found(format!("there is no runtime `{name}`"));
        let key = Name::parse(name).map_err(|_| missing())?.key();
        let runtime = self.parts.store.runtime_by_name_key(&key).await?.ok_or_else(missing)?;
        self.view(caller, runtime).await
    }

    /// A runtime by id.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] also where the caller may not know of it, [`ErrorKind::MissingPermission`].
    pub async fn get(&self, caller: &Caller, id: RuntimeId) -> Result<RuntimeView> {
        let runtime = self.find(caller, id, Rights::READ).await?;
        self.view(caller, runtime).await
    }

    /// The parked instances of a runtime on this node.
    ///
    /// # Errors
    /// As [`Runtimes::get`].
    pub async fn pool(&self, caller: &Caller, id: RuntimeId) -> Result<RuntimePool> {
        let runtime = self.find(caller, id, Rights::READ).await?;
        let (state, queued) = self.parts.evaluations.pool(runtime.id);
        Ok(RuntimePool { state, queued })
    }

    /// Defines a runtime.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] with every faulty field, [`ErrorKind::AlreadyExists`], [`ErrorKind::MissingPrivilege`].
    pub async fn create(&self, caller: &Caller, change: RuntimeChange) -> Result<RuntimeId> {
        caller.require(Privilege::CreateRuntimes)?;
        let definition = change.apply(None, &self.surroundings()).map_err(Error::invalid_fields)?;
        let runtime = self.fresh(RuntimeId::random(), caller.id(), definition);
        self.parts.store.insert_runtime(&runtime).await.map_err(|error| name_error(error, &runtime.definition.name))?;
        self.parts.wake.notify_one();
        Ok(runtime.id)
    }

    /// Changes a definition. A change that changes nothing keeps the revision.
    ///
    /// # Errors
    /// As [`Runtimes::create`], and [`ErrorKind::Conflict`] if somebody else changed it at the same time.
    pub async fn alter(&self, caller: &Caller, id: RuntimeId, change: RuntimeChange) -> Result<()> {
        let runtime = self.find(caller, id, Rights::WRITE).await?;
        let definition =
            change.apply(Some(&runtime.definition), &self.surroundings()).map_err(Error::invalid_fields)?;
        if definition == runtime.definition {
            return Ok(());
        }
        let same_build = definition.packages == runtime.definition.packages
            && definition.python_version == runtime.definition.python_version;
        let build = if same_build { runtime.build } else { BuildId::random() };
        self.save(runtime, |runtime| {
            runtime.definition = definition;
            runtime.build = build;
        })
        .await?;
        self.enforce_whitelist(id).await
    }

    /// At once, also for what runs. Where that fails nothing is reachable, and the synchronizer reports it.
    async fn enforce_whitelist(&self, id: RuntimeId) -> Result<()> {
        if let Some(runtime) = self.parts.store.runtime(id).await?.filter(|runtime| !runtime.stopped)
            && let Err(error) = self.parts.evaluations.permit(&runtime).await
        {
            tracing::warn!(runtime = %id, %error, "a changed whitelist is not enforced yet");
        }
        Ok(())
    }

    /// Deletes a runtime. What runs in it ends, with the reason recorded.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] for the default runtime.
    pub async fn delete(&self, caller: &Caller, id: RuntimeId) -> Result<()> {
        let runtime = self.find(caller, id, Rights::DELETE).await?;
        if id == DEFAULT_RUNTIME_ID {
            return Err(Error::conflict("the default runtime cannot be deleted"));
        }
        if !self.parts.store.delete_runtime(id).await? {
            return Err(not_found(id));
        }
        self.parts.evaluations.forget_runtimes();
        self.parts.evaluations.end_runtime(id, &format!("the runtime `{}` was deleted", runtime.definition.name)).await;
        self.parts.wake.notify_one();
        Ok(())
    }

    /// Versions of the interpreters on this node, the newest first.
    pub async fn versions(&self, _caller: &Caller) -> Result<Vec<String>> {
        Ok(self.surroundings().interpreters.iter().map(ToString::to_string).collect())
    }

    /// The runtime, if the caller has `rights` on it.
    pub(super) async fn find(&self, caller: &Caller, id: RuntimeId, rights: Rights) -> Result<Runtime> {
        let runtime = self.parts.store.runtime(id).await?.ok_or_else(|| not_found(id))?;
        check_rights(caller, &runtime, rights)?;
        Ok(runtime)
    }

    /// Saves a new revision of `runtime`, if nobody else did meanwhile.
    pub(super) async fn save(&self, mut runtime: Runtime, change: impl FnOnce(&mut Runtime)) -> Result<()> {
        let expected = runtime.revision;
        change(&mut runtime);
        runtime.revision = RevisionId::random();
        runtime.modified = self.parts.clock.now();
        self.parts
            .store
            .update_runtime(&runtime, expected)
            .await
            .map_err(|error| name_error(error, &runtime.definition.name))?;
        self.noticed();
        Ok(())
    }

    /// A change was written: from now on it counts on this node.
    pub(super) fn noticed(&self) {
        self.parts.evaluations.forget_runtimes();
        self.parts.wake.notify_one();
    }

    fn surroundings(&self) -> Surroundings {
        let interpreters =
            self.parts.environments.interpreters().iter().map(|interpreter| interpreter.version).collect();
        Surroundings { interpreters, capacity: self.parts.settings.capacity }
    }

    fn fresh(&self, id: RuntimeId, owner: UserId, definition: RuntimeDefinition) -> Runtime {
        let now = self.parts.clock.now();
        let (revision, build) = (RevisionId::random(), BuildId::random());
        Runtime {
            id,
            revision,
            build,
            definition,
            stopped: false,
            owner,
            acl: Acl::owned_by(owner),
            created: now,
            modified: now,
        }
    }

    async fn views(&self, caller: &Caller) -> Result<Vec<RuntimeView>> {
        let runtimes = self.parts.store.runtimes().await?;
        let backdrop = Backdrop::read(&self.parts.store, None, self.parts.clock.now()).await?;
        Ok(runtimes.into_iter().map(|runtime| backdrop.view(caller, runtime)).collect())
    }

    async fn view(&self, caller: &Caller, runtime: Runtime) -> Result<RuntimeView> {
        let backdrop = Backdrop::read(&self.parts.store, Some(runtime.id), self.parts.clock.now()).await?;
        Ok(backdrop.view(caller, runtime))
    }
}

/// Refuses who lacks `rights`; who may not even browse learns nothing.
pub(crate) fn check_rights(caller: &Caller, runtime: &Runtime, rights: Rights) -> Result<()> {
    let held = caller.rights_on(&runtime.acl);
    if held.contains(rights) {
        Ok(())
    } else if held.contains(Rights::BROWSE) {
        let message = format!(
            "user `{}` lacks the permission for this on the runtime `{}`",
            caller.user().name,
            runtime.definition.name
        );
        Err(Error::new(ErrorKind::MissingPermission, message))
    } else {
        Err(not_found(runtime.id))
    }
}

pub(crate) fn not_found(id: RuntimeId) -> Error {
    Error::not_found(format!("no runtime with the id `{id}` is visible to you"))
}

fn require_role(caller: &Caller) -> Result<()> {
    if caller.has_any_role(&Role::ALL) {
        return Ok(());
    }
    let message = format!(
        "user `{}` has none of the roles mfpadmin, mfpdeployer, mfpoperator and mfpmonitor",
        caller.user().name
    );
    Err(Error::new(ErrorKind::MissingPrivilege, message))
}

fn name_error(error: StoreError, name: &Name) -> Error {
    match error {
        StoreError::NameTaken => Error::new(ErrorKind::AlreadyExists, format!("a runtime `{name}` exists already")),
        other => other.into(),
    }
}
