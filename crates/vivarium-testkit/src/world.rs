//! A whole server without HTTP, interpreters, processes or files.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use vivarium_domain::access::Caller;
use vivarium_domain::account::{Accounts, LoginAttempts, NewUser, Passwords, Role, SessionSettings};
use vivarium_domain::evaluation::{EvaluationParts, EvaluationSettings, Evaluations, Introduction};
use vivarium_domain::id::{NodeId, RuntimeId};
use vivarium_domain::name::Name;
use vivarium_domain::node::{NodeSettings, Nodes};
use vivarium_domain::ports::{Environments, Instances, NodeStore, Predefined, Retention, Store};
use vivarium_domain::project::{DEFAULT_PROJECT_NAME, Projects};
use vivarium_domain::runtime::{
    Capacity, NodeRuntimes, RuntimeParts, RuntimeSettings, RuntimeStatus, Runtimes, Synchronizer, SynchronizerParts,
};
use vivarium_domain::time::SharedClock;

use crate::{FakeEnvironments, FakeInstances, ManualClock, MemoryStore};

/// Password of the administrator and of every user that a test adds.
pub const PASSWORD: &str = "correct horse";

/// Where scripts find their session, if they have one.
pub const SCRIPT_TOKEN: &str = "token";

/// Name of the node.
pub const NODE_NAME: &str = "node-1";

/// How long a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a test may set before the world begins.
#[derive(Debug, Clone, Copy)]
pub struct WorldSettings {
    /// Evaluations that run at once.
    pub max_running: usize,
    /// Evaluations that wait at once.
    pub max_queued: usize,
    /// Failed log-ins of one address or of one user before more are refused.
    pub login_failures: u32,
    /// Whether scripts can act for their users; they find their session under [`SCRIPT_TOKEN`].
    pub introduces: bool,
    /// Layers of isolation that the node does without.
    pub missing_layers: &'static [&'static str],
}

/// The use cases over fakes, with the default runtime ready, project `Vivarium`, and the administrator.
pub struct World {
    /// The store.
    pub store: Arc<MemoryStore>,
    /// The clock.
    pub clock: Arc<ManualClock>,
    /// The environments.
    pub environments: Arc<FakeEnvironments>,
    /// The instances.
    pub instances: Arc<FakeInstances>,
    /// Users and sessions.
    pub accounts: Arc<Accounts>,
    /// Projects.
    pub projects: Arc<Projects>,
    /// Runtimes.
    pub runtimes: Arc<Runtimes>,
    /// Evaluations.
    pub evaluations: Arc<Evaluations>,
    /// Nodes.
    pub nodes: Arc<Nodes>,
    shutdown: CancellationToken,
}

impl Default for WorldSettings {
    fn default() -> Self {
        Self { max_running: 8, max_queued: 8, login_failures: 1_000, introduces: false, missing_layers: &[] }
    }
}

impl World {
    /// A world with the usual settings.
    pub async fn new() -> Self {
        Self::with(WorldSettings::default()).await
    }

    /// A world with other settings.
    ///
    /// # Panics
    /// When one of its parts does not start; the test has to fail then.
    pub async fn with(settings: WorldSettings) -> Self {
        let (store, clock) = (MemoryStore::shared(), ManualClock::shared());
        let (environments, instances) = (Arc::new(FakeEnvironments::default()), Arc::new(FakeInstances::default()));
        let node = NodeId::random();
        let base = Base { store: store.clone(), clock: clock.clone(), environments: environments.clone() };
        let node_runtimes = NodeRuntimes::load(node, base.store.clone()).await.expect("an empty store is read");
        let node_runtimes = Arc::new(node_runtimes);
        let evaluations = base.evaluations(instances.clone(), node_runtimes.clone(), settings);
        let wake = Arc::new(Notify::new());
        let synchronizer = base.synchronizer(evaluations.clone(), instances.clone(), node_runtimes, wake.clone());
        let world = Self {
            accounts: base.accounts(settings),
            projects: Arc::new(Projects::new(base.store.clone(), base.clock.clone())),
            nodes: Arc::new(Nodes::new(base.store.clone(), base.clock.clone(), node_settings(node, settings))),
            runtimes: base.runtimes(evaluations.clone(), wake),
            shutdown: CancellationToken::new(),
            store,
            clock,
            environments,
            instances,
            evaluations,
        };
        world.begin(synchronizer).await.expect("a world of fakes begins");
        world
    }

    async fn begin(&self, synchronizer: Synchronizer) -> vivarium_domain::Result<()> {
        self.nodes.register().await?;
        self.accounts.ensure_administrator(Some(PASSWORD)).await?;
        let project = Name::parse(DEFAULT_PROJECT_NAME).map_err(vivarium_domain::Error::internal)?;
        self.projects.ensure(&[project]).await?;
        self.runtimes.ensure_default().await?;
        tokio::spawn(synchronizer.run(self.shutdown.clone()));
        self.settled(vivarium_domain::runtime::DEFAULT_RUNTIME_ID).await;
        Ok(())
    }

    /// The built-in administrator.
    ///
    /// # Panics
    /// When the store is broken.
    pub async fn administrator(&self) -> Caller {
        self.accounts.operator().await.expect("the administrator exists")
    }

    /// Adds a user with [`PASSWORD`].
    ///
    /// # Panics
    /// When the name is taken or not allowed.
    pub async fn add_user(&self, name: &str, roles: &[Role]) -> Caller {
        let roles = roles.iter().copied().collect::<BTreeSet<_>>();
        let new = NewUser { name: name.to_owned(), full_name: None, password: PASSWORD.to_owned(), roles };
        let user = self.accounts.add_user(new).await.expect("the user can be added");
        Caller::new(Arc::new(user))
    }

    /// Waits until the node has done with a runtime what it can, and says what came of it.
    ///
    /// # Panics
    /// When that takes too long or the runtime is gone.
    pub async fn settled(&self, runtime: RuntimeId) -> RuntimeStatus {
        let caller = self.administrator().await;
        let settle = async {
            loop {
                let view = self.runtimes.get(&caller, runtime).await.expect("the runtime exists");
                if matches!(view.status, RuntimeStatus::Ready | RuntimeStatus::Error) {
                    return view.status;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, settle).await.expect("the runtime settles in time")
    }

    /// Ends what runs in the background, as the end of a server does.
    pub fn shut_down(&self) {
        self.shutdown.cancel();
    }

    /// Lets time pass without the node falling silent.
    ///
    /// # Panics
    /// When the store is broken.
    pub async fn advance(&self, span: Duration) {
        use vivarium_domain::time::Clock;
        self.clock.advance(span);
        self.store.heartbeat(self.nodes.own().id, self.clock.now()).await.expect("the node is registered");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// What the use cases are built on.
struct Base {
    store: Arc<dyn Store>,
    clock: SharedClock,
    environments: Arc<dyn Environments>,
}

impl Base {
    fn accounts(&self, settings: WorldSettings) -> Arc<Accounts> {
        let passwords = Passwords::new(2).expect("a password can be hashed");
        let attempts = LoginAttempts::new(settings.login_failures, settings.login_failures, Duration::from_secs(60));
        let sessions = SessionSettings {
            idle: Duration::from_secs(1800),
            absolute: Duration::from_secs(86_400),
            identity_lifetime: Duration::from_secs(300),
        };
        Arc::new(Accounts::new(self.store.clone(), self.clock.clone(), passwords, attempts, sessions))
    }

    fn evaluations(
        &self,
        instances: Arc<dyn Instances>,
        node_runtimes: Arc<NodeRuntimes>,
        settings: WorldSettings,
    ) -> Arc<Evaluations> {
        let introduction = settings.introduces.then(introduction);
        let (store, clock, settings) = (self.store.clone(), self.clock.clone(), evaluation_settings(settings));
        Arc::new(Evaluations::new(EvaluationParts { store, clock, instances, node_runtimes, introduction, settings }))
    }

    fn runtimes(&self, evaluations: Arc<Evaluations>, wake: Arc<Notify>) -> Arc<Runtimes> {
        let (store, clock, environments) = (self.store.clone(), self.clock.clone(), self.environments.clone());
        let settings = runtime_settings();
        Arc::new(Runtimes::new(RuntimeParts { store, clock, environments, evaluations, wake, settings }))
    }

    fn synchronizer(
        &self,
        evaluations: Arc<Evaluations>,
        instances: Arc<dyn Instances>,
        node_runtimes: Arc<NodeRuntimes>,
        wake: Arc<Notify>,
    ) -> Synchronizer {
        let (store, clock, environments) = (self.store.clone(), self.clock.clone(), self.environments.clone());
        Synchronizer::new(SynchronizerParts { store, clock, environments, evaluations, instances, node_runtimes, wake })
    }
}

fn introduction() -> Introduction {
    Arc::new(|secret| Predefined([(SCRIPT_TOKEN.to_owned(), secret.reveal().into())].into_iter().collect()))
}

fn evaluation_settings(settings: WorldSettings) -> EvaluationSettings {
    EvaluationSettings {
        max_running: settings.max_running,
        max_queued: settings.max_queued,
        output_bytes: 1 << 20,
        result_bytes: 1 << 20,
        source_bytes: 1 << 20,
        retention: Retention { age: Duration::from_secs(86_400), count: 10_000 },
        grace: Duration::from_secs(5),
    }
}

fn runtime_settings() -> RuntimeSettings {
    RuntimeSettings { default_packages: Vec::new(), capacity: Capacity { cores: 4, memory_mib: 8192, disk_mib: 4096 } }
}

fn node_settings(id: NodeId, settings: WorldSettings) -> NodeSettings {
    NodeSettings {
        id,
        name: NODE_NAME.to_owned(),
        address: "127.0.0.1:8080".to_owned(),
        version: "0.1.0".to_owned(),
        missing_layers: settings.missing_layers.iter().map(ToString::to_string).collect(),
    }
}
