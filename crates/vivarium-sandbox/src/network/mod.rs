//! What instances may reach: a router of this server's own that lets nothing pass but what is listed.
//!
//! ```text
//! instance ──veth──> router namespace: nftables ──redirect──> forwarder (this process) ──> the host's network
//! ```
//!
//! - The router is a network namespace without any way out. Even if its rules were wrong, no packet could leave it:
//!   connections go on only through the forwarder, which asks the list again, and is outside by being this process.
//! - The host's own network settings are never touched: no forwarding, no address translation, no rule.
//! - A runtime's list is a *policy*; its number is the group of the interfaces of its instances, by which the rules
//!   know them. So attaching needs no change of the rules, and a changed list no change of any instance.
//! - What is missing, or fails, leaves less reachable, never more.
//!
//! What is not here: UDP but for names, ICMP, connections from outside to instances.

mod address;
mod bucket;
mod dns;
mod fault;
mod forward;
mod link;
mod netlink;
mod refused;
mod registry;
mod resolver;
mod room;
mod rules;
mod shares;

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::AbortHandle;

use crate::instance::Instance;
use address::ROOM;
use forward::Way;
use link::Wire;
use registry::{Occupant, Registry};
use room::{Doors, Room};
use shares::Shares;

pub use fault::NetworkFault;
pub use registry::{Attempt, Outcome};

/// Where instances ask for names, and find [`API_HOST`].
pub const GATEWAY: IpAddr = IpAddr::V4(address::GATEWAY_V4);
/// The name of the server's own interface inside instances.
pub const API_HOST: &str = "vivarium.internal";
/// Where scripts reach the server's own interface, where that is allowed.
pub const API_URL: &str = "http://vivarium.internal/";

/// What a server decides once about the network of its instances.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkSettings {
    /// Who is asked for names. Without, no name is known.
    pub resolver: Option<SocketAddr>,
    /// Where the server's own interface listens, if instances may reach it.
    pub api: Option<SocketAddr>,
}

/// The router of one server. Cheap to clone; it is gone with the last clone and the last attachment.
#[derive(Clone)]
pub struct Network {
    shared: Arc<Shared>,
}

struct Shared {
    room: Room,
    registry: Arc<Registry>,
    refused: Arc<OwnedFd>,
    tasks: Vec<AbortHandle>,
    next_policy: AtomicU32,
    next_number: Mutex<u32>,
}

/// What the instances of one runtime may reach: nothing at first.
#[derive(Clone)]
pub struct Policy {
    policy: Arc<registry::Policy>,
    /// One change of the rules after the other.
    changing: Arc<tokio::sync::Mutex<bool>>,
}

/// The connection of one instance. Dropping it cuts everything.
pub struct Attachment {
    number: u32,
    occupant: Arc<Occupant>,
    shared: Arc<Shared>,
}

impl Network {
    /// Makes the router. Must be called within a tokio runtime with IO enabled; blocks for some milliseconds.
    ///
    /// # Errors
    /// What this host lacks: privileges, something of its kernel, or the program `nft`.
    pub fn open(settings: &NetworkSettings) -> Result<Self, NetworkFault> {
        let (room, doors) = Room::open(settings.api.is_some())?;
        let registry = Arc::new(Registry::new(Shares::of_process()));
        let Doors { forward, names, api, refused } = doors;
        let refused = Arc::new(refused);
        let fault = |error: std::io::Error| NetworkFault::io("listen in the router", &error);
        let mut tasks = Vec::new();
        for listener in forward {
            let listener = TcpListener::from_std(listener).map_err(fault)?;
            tasks.push(tokio::spawn(forward::serve(listener, Arc::clone(&registry), Way::Listed)).abort_handle());
        }
        if let (Some(listener), Some(target)) = (api, settings.api) {
            let listener = TcpListener::from_std(listener).map_err(fault)?;
            tasks
                .push(tokio::spawn(forward::serve(listener, Arc::clone(&registry), Way::Fixed(target))).abort_handle());
        }
        let udp = UdpSocket::from_std(names.0).map_err(fault)?;
        let tcp = TcpListener::from_std(names.1).map_err(fault)?;
        let resolver = resolver::Resolver::new(settings.resolver, Arc::clone(&registry));
        tasks.push(tokio::spawn(resolver.clone().serve_udp(udp)).abort_handle());
        tasks.push(tokio::spawn(resolver.serve_tcp(tcp)).abort_handle());
        tasks.push(tokio::spawn(refused::listen(Arc::clone(&refused), Arc::clone(&registry))).abort_handle());
        let (next_policy, next_number) = (AtomicU32::new(1), Mutex::new(0));
        Ok(Self { shared: Arc::new(Shared { room, registry, refused, tasks, next_policy, next_number }) })
    }

    /// A policy that lists nothing.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let number = self.shared.next_policy.fetch_add(1, Ordering::Relaxed);
        Policy { policy: registry::Policy::new(number), changing: Arc::default() }
    }

    /// Lists these blocks from now on, for all that are or will be attached, and nothing else. Connections to what
    /// is not listed any more are cut before this returns.
    ///
    /// # Errors
    /// When the rules cannot be loaded. Then nothing is reachable.
    pub async fn allow(&self, policy: &Policy, blocks: Vec<IpNet>) -> Result<(), NetworkFault> {
        let mut known = policy.changing.lock().await;
        let number = policy.policy.number;
        let mut text = if *known { String::new() } else { rules::new_policy(number) };
        text.push_str(&rules::set_blocks(number, &blocks));
        // Less at once; more when the rules agree.
        policy.policy.retain(&blocks);
        let loaded = self.shared.room.load(text).await;
        policy.policy.set(if loaded.is_ok() { blocks } else { Vec::new() });
        *known |= loaded.is_ok();
        loaded
    }

    /// Removes a policy for ever; what is still attached to it reaches nothing.
    ///
    /// # Errors
    /// When the rules cannot be loaded; nothing is reachable nevertheless.
    pub async fn forget(&self, policy: &Policy) -> Result<(), NetworkFault> {
        let mut known = policy.changing.lock().await;
        policy.policy.set(Vec::new());
        if !std::mem::take(&mut *known) {
            return Ok(());
        }
        self.shared.room.load(rules::delete_policy(policy.policy.number)).await
    }

    /// Connects an instance: it gets an interface beside its loopback, addresses and a default route.
    ///
    /// # Errors
    /// When the kernel refuses, for example because the instance has ended meanwhile.
    pub async fn attach(&self, instance: &Instance, policy: &Policy) -> Result<Attachment, NetworkFault> {
        let occupant = Occupant::new(Arc::clone(&policy.policy), &self.shared.registry.shares);
        let number = self.shared.enter(&occupant)?;
        // From here on dropping it undoes everything.
        let attachment = Attachment { number, occupant, shared: Arc::clone(&self.shared) };
        let wire = Wire { number, policy: policy.policy.number };
        self.shared.room.attach(instance.pidfd(), wire).await?;
        Ok(attachment)
    }
}

impl Policy {
    /// How many attempts to reach what is not listed were refused, ever.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.policy.refused()
    }
}

impl Attachment {
    /// The latest attempts of the instance that failed, each once, the oldest first.
    #[must_use]
    pub fn attempts(&self) -> Vec<Attempt> {
        refused::take_in(&self.shared.refused, &self.shared.registry);
        self.occupant.attempts()
    }
}

impl Shared {
    /// Numbers are used again as late as possible.
    fn enter(&self, occupant: &Arc<Occupant>) -> Result<u32, NetworkFault> {
        let mut next = self.next_number.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..ROOM {
            let number = *next;
            *next = (number + 1) % ROOM;
            if !self.registry.holds(number) {
                self.registry.enter(number, occupant);
                return Ok(number);
            }
        }
        Err(NetworkFault::full())
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.shared.registry.leave(self.number);
        self.shared.room.detach(self.number);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}
