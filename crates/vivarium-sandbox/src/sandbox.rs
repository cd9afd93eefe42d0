//! The sandbox of one server.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, capabilities};

use crate::cgroup::{Controller, Driver, Group, Layout, Leftovers, Parent, Quick, remove_leftovers};
use crate::error::{Fault, SandboxError};
use crate::ids::{Ids, Lease};
use crate::instance::Instance;
use crate::janitor::{Body, Janitor, Living};
use crate::layer::{Demands, Layer};
use crate::plan::{Limits, Plan};
use crate::seccomp::{self, Program, Theme};
use crate::settings::Settings;
use crate::spawn::{self, Started};
use crate::sys;
use crate::wire::{Order, ZygoteOrder};
use crate::zygote::{Cell, Zygote};

/// Makes instances. Cheap to clone; all clones are the same sandbox.
#[derive(Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    settings: Settings,
    layout: Layout,
    parent: Arc<Parent>,
    /// `None` when the server may not map foreign ids.
    ids: Option<Arc<Ids>>,
    missing: Vec<Layer>,
    /// `None` where the layer is missing.
    filters: Option<Filters>,
    janitor: Janitor,
    quick: Option<Arc<Quick>>,
    sequence: AtomicU64,
}

/// Filters of system calls that all instances share, compiled once.
struct Filters {
    /// Of the default plan.
    strict: Program,
    /// Of zygotes.
    joining: Program,
    /// Of what zygotes fork by the default plan, beside the one that it inherits.
    leaving: Program,
    /// Of the first processes of what zygotes fork.
    waiting: Program,
}

impl Sandbox {
    /// Looks at the host and makes the cgroups below which all instances will lie. Raises this process's limit of open
    /// files as far as it may: each instance takes a few descriptors here, and of the keeper of its zygote, who inherits
    /// the limit.
    ///
    /// # Errors
    /// [`SandboxError::Fault`] when a demanded layer is known to be absent already,
    /// [`SandboxError::Settings`] for settings that cannot work.
    pub fn new(settings: Settings) -> Result<Self, SandboxError> {
        settings.check()?;
        raise_open_files();
        let mut missing = missing_identity(&settings.demands)?;
        missing.extend(missing_confinement(&settings.demands)?);
        let filtered = !missing.contains(&Layer::Seccomp);
        let filters = filtered.then(Filters::compile).transpose()?;
        let layout = Layout::detect();
        let parent = Parent::make(&layout, &settings.name, &settings.demands)?;
        missing.extend_from_slice(&parent.missing);
        let parent = Arc::new(parent);
        let janitor = Janitor::start(Arc::clone(&parent))
            .map_err(|error| Fault::new(Layer::Launcher, "start a thread").io(&error))?;
        let quick = Quick::start(&layout).map_err(|error| Fault::new(Layer::Launcher, "start a thread").io(&error))?;
        let shared = Shared {
            ids: may_map_ids().then(|| Ids::new(settings.ids)),
            settings,
            layout,
            parent,
            missing,
            filters,
            janitor,
            quick,
            sequence: AtomicU64::new(0),
        };
        let shared = Arc::new(shared);
        Ok(Self { shared })
    }

    /// Lowered layers that this host does not give. What is lowered but given is not here.
    #[must_use]
    pub fn missing(&self) -> &[Layer] {
        &self.shared.missing
    }

    /// Which interface of the kernel drives a controller here; `None` when it is missing.
    #[must_use]
    pub fn driver(&self, controller: Controller) -> Option<Driver> {
        self.shared.parent.driver(controller)
    }

    /// Kills and removes what a server of the same name left when it was killed. To be called at
    /// start, before the first instance: it spares none. May block for a few seconds.
    ///
    /// # Errors
    /// [`SandboxError::Fault`] when a cgroup cannot be emptied.
    pub fn remove_leftovers(&self) -> Result<Leftovers, SandboxError> {
        Ok(remove_leftovers(&self.shared.layout, &self.shared.settings.name)?)
    }

    /// Makes an instance; returns when its command was executed with all walls up and proven.
    /// Must be called within a tokio runtime with IO enabled. Dropping the future leaves nothing.
    ///
    /// # Errors
    /// [`SandboxError::Plan`] before anything was done; else what failed, after it was undone.
    pub async fn spawn(&self, plan: Plan) -> Result<Instance, SandboxError> {
        self.start(plan, false).await
    }

    /// Makes a zygote: an instance whose command forks further instances on command, as [`crate::Zygote`] describes.
    /// The plan's limits are its own and should leave room for whatever it loads; its scratch space is its own too.
    ///
    /// # Errors
    /// As [`Self::spawn`].
    pub async fn zygote(&self, plan: Plan) -> Result<Zygote, SandboxError> {
        Zygote::new(Arc::clone(&self.shared), self.start(plan, true).await?)
    }

    async fn start(&self, plan: Plan, zygote: bool) -> Result<Instance, SandboxError> {
        plan.check()?;
        let shared = Arc::clone(&self.shared);
        let started = tokio::task::spawn_blocking(move || shared.start(plan, zygote))
            .await
            .map_err(|error| SandboxError::Silent(error.to_string()))??;
        Instance::new(started)
    }

    /// How many instances are not wholly gone: alive, or dead with a cgroup or id still to free. Zygotes do not count.
    #[must_use]
    pub fn live(&self) -> usize {
        self.shared.janitor.live().borrow().instances
    }

    /// Waits until every instance that was made is wholly gone. Kills none.
    pub async fn settled(&self) {
        let mut live = self.shared.janitor.live();
        // An error would mean that the counter is gone, and with it all instances.
        let _gone = live.wait_for(|live| live.instances == 0).await;
    }

    /// Waits until every instance and every zygote is wholly gone, then removes the cgroups of the server. Instances
    /// cannot be made after.
    pub async fn close(&self) {
        let mut live = self.shared.janitor.live();
        // As above.
        let _gone = live.wait_for(|live| *live == Living::default()).await;
        self.shared.parent.remove();
    }
}

impl Shared {
    fn start(&self, plan: Plan, zygote: bool) -> Result<Started, SandboxError> {
        let body = self.body(&plan.limits, zygote)?;
        let filter = self.filter(&plan, zygote)?;
        let order = Order {
            plan,
            filter,
            landlock: !self.missing.contains(&Layer::Landlock),
            host_id: body.lease.as_ref().map(Lease::id),
            cgroup_entries: body.group.entries(),
            oom_event_of: body.group.oom_event_of(),
            lowered: self.lowered(),
            zygote: zygote.then(|| self.zygote_order()),
        };
        let settings = &self.settings;
        spawn::start(&settings.launcher, &order, body, settings.start_timeout)
    }

    fn zygote_order(&self) -> ZygoteOrder {
        let filter = |choose: fn(&Filters) -> &Program| self.filters.as_ref().map(choose).cloned();
        ZygoteOrder {
            filter: filter(|filters| &filters.joining),
            init_filter: filter(|filters| &filters.waiting),
            ids: self.ids.as_ref().map(|_| self.settings.ids),
        }
    }

    /// Makes what the host has to give an instance, and has the keeper of a zygote do the rest.
    pub(crate) fn fork(&self, orders: &OwnedFd, keeper: &Arc<Instance>, cell: &Cell) -> Result<Started, SandboxError> {
        let mut body = self.body(&cell.limits, false)?;
        body.keeper = Some(Arc::clone(keeper));
        spawn::fork(orders, cell.scratch, body, self.settings.start_timeout)
    }

    /// Other choices than the default are rare, and compiled in a tenth of a millisecond.
    fn filter(&self, plan: &Plan, zygote: bool) -> Result<Option<Program>, Fault> {
        let Some(filters) = &self.filters else { return Ok(None) };
        let is_default = plan.system_calls == Theme::all();
        match (is_default, zygote) {
            (false, _) => compile(&plan.system_calls).map(Some),
            (true, false) => Ok(Some(filters.strict.clone())),
            (true, true) => Ok(Some(filters.leaving.clone())),
        }
    }

    /// From here on, dropping the body frees cgroups and id.
    fn body(&self, limits: &Limits, is_zygote: bool) -> Result<Body, SandboxError> {
        if let Some(quick) = &self.quick {
            quick.note();
        }
        let lease = self.ids.as_ref().map(Ids::lease).transpose()?;
        let number = self.sequence.fetch_add(1, Ordering::Relaxed);
        let name = format!("{number}");
        let group = Group::make(&self.parent, &name, limits)?;
        Ok(self.janitor.body(name, group, lease, is_zygote))
    }

    fn lowered(&self) -> Vec<Layer> {
        Layer::ALL.into_iter().filter(|layer| !self.settings.demands.requires(*layer)).collect()
    }
}

/// `setrlimit(2)`. With the limit that there was, fewer instances fit; making one too many is an error of its own.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        tracing::debug!(%error, "the limit of open files cannot be raised");
    }
}

/// What only a privileged server can give.
fn missing_identity(demands: &Demands) -> Result<Vec<Layer>, Fault> {
    if may_map_ids() {
        return Ok(Vec::new());
    }
    let layers = [Layer::OwnUid, Layer::Groups];
    match layers.into_iter().find(|layer| demands.requires(*layer)) {
        Some(layer) => {
            Err(Fault::new(layer, "give instances ids of their own").because("the server is not privileged"))
        }
        None => Ok(layers.to_vec()),
    }
}

impl Filters {
    fn compile() -> Result<Self, Fault> {
        Ok(Self {
            strict: compile(&Theme::all())?,
            joining: compile(&Theme::ALL.into_iter().chain([Theme::Join]).collect())?,
            leaving: seccomp::compile_leave().map_err(|error| not_compiled(&error))?,
            waiting: compile(&[Theme::Wait].into())?,
        })
    }
}

fn compile(themes: &BTreeSet<Theme>) -> Result<Program, Fault> {
    seccomp::compile(themes).map_err(|error| not_compiled(&error))
}

fn not_compiled(error: &impl std::fmt::Display) -> Fault {
    Fault::new(Layer::Seccomp, "compile the filter of system calls").because(error.to_string())
}

/// What this kernel has not, for nobody.
fn missing_confinement(demands: &Demands) -> Result<Vec<Layer>, Fault> {
    let mut missing = Vec::new();
    if !seccomp::ARCHITECTURE_KNOWN {
        missing.push(Fault::new(Layer::Seccomp, "filter system calls").because("no table for this architecture"));
    } else if let Err(errno) = sys::prove_seccomp() {
        missing.push(Fault::new(Layer::Seccomp, "filter system calls").errno(errno));
    }
    if let Err(errno) = sys::landlock_version() {
        missing.push(Fault::new(Layer::Landlock, "make landlock rules").errno(errno));
    }
    match missing.iter().find(|fault| demands.requires(fault.layer)) {
        Some(fault) => Err(fault.clone()),
        None => Ok(missing.iter().map(|fault| fault.layer).collect()),
    }
}

/// The launcher asks itself the same, as it inherits the server's capabilities.
fn may_map_ids() -> bool {
    let needed = CapabilitySet::SYS_ADMIN | CapabilitySet::SETUID | CapabilitySet::SETGID;
    capabilities(None).is_ok_and(|sets| sets.effective.contains(needed))
}
