//! The router's namespace, and the one thread that lives in it.
//!
//! The namespace has no way out: what leaves it leaves through sockets whose other side this process holds. It goes
//! away with the thread and the sockets.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::sync::oneshot;

use super::address::{GATEWAY_V4, GATEWAY_V6};
use super::fault::NetworkFault;
use super::link::{Home, Wire};
use super::refused;
use super::rules::{self, API_PORT, NAME_PORT};
use crate::sys;

type Answer = oneshot::Sender<Result<(), NetworkFault>>;

enum Order {
    Load(String, Answer),
    Attach(Arc<OwnedFd>, Wire, Answer),
    Detach(u32),
}

/// The way to the thread. It ends with the last handle.
#[derive(Clone)]
pub(super) struct Room {
    orders: Sender<Order>,
}

/// Sockets in the router's namespace.
pub(super) struct Doors {
    /// Where connections to listed addresses are taken in, one for each family.
    pub(super) forward: Vec<TcpListener>,
    pub(super) names: (UdpSocket, TcpListener),
    /// Where the server's own interface is, if instances may reach it.
    pub(super) api: Option<TcpListener>,
    /// Hears of refused packets.
    pub(super) refused: OwnedFd,
}

impl Room {
    /// Makes the namespace, furnishes it and shuts it: nothing is reachable yet. Blocks for some milliseconds.
    pub(super) fn open(api: bool) -> Result<(Self, Doors), NetworkFault> {
        let (orders, queue) = channel();
        let (sender, receiver) = channel();
        let work = move || {
            let _ = match furnish(api) {
                Ok((home, doors)) => sender.send(Ok(doors)).map(|()| obey(&home, &queue)),
                Err(fault) => sender.send(Err(fault)),
            };
        };
        let thread = std::thread::Builder::new().name("sandbox-router".to_owned()).spawn(work);
        thread.map_err(|error| NetworkFault::io("start the router", &error))?;
        let doors = receiver.recv().map_err(|_| NetworkFault::gone())??;
        Ok((Self { orders }, doors))
    }

    /// Loads rules.
    pub(super) async fn load(&self, text: String) -> Result<(), NetworkFault> {
        self.ask(|answer| Order::Load(text, answer)).await
    }

    /// Connects the network namespace of a process.
    pub(super) async fn attach(&self, pidfd: Arc<OwnedFd>, wire: Wire) -> Result<(), NetworkFault> {
        self.ask(|answer| Order::Attach(pidfd, wire, answer)).await
    }

    /// Removes what [`Self::attach`] made, soon.
    pub(super) fn detach(&self, number: u32) {
        // With the thread the namespace is gone, and everything in it.
        let _ = self.orders.send(Order::Detach(number));
    }

    async fn ask(&self, order: impl FnOnce(Answer) -> Order) -> Result<(), NetworkFault> {
        let (answer, answered) = oneshot::channel();
        self.orders.send(order(answer)).map_err(|_| NetworkFault::gone())?;
        answered.await.map_err(|_| NetworkFault::gone())?
    }
}

fn furnish(api: bool) -> Result<(Home, Doors), NetworkFault> {
    let unmade = |errno| NetworkFault::kernel("make a network namespace", errno);
    sys::unshare_network_namespace().map_err(unmade)?;
    let home = Home::furnish()?;
    let (doors, port) = doors(&home, api).map_err(|error| NetworkFault::io("listen in the router", &error))?;
    rules::load(&rules::base(port, api))?;
    Ok((home, doors))
}

fn doors(home: &Home, api: bool) -> std::io::Result<(Doors, u16)> {
    let at = |port| SocketAddr::new(GATEWAY_V4.into(), port);
    let first = listen(at(0))?;
    let port = first.local_addr()?.port();
    let mut forward = vec![first];
    if home.has_v6() {
        forward.push(listen(SocketAddr::new(GATEWAY_V6.into(), port))?);
    }
    let udp = UdpSocket::bind(at(NAME_PORT))?;
    udp.set_nonblocking(true)?;
    let names = (udp, listen(at(NAME_PORT))?);
    let api = api.then(|| listen(at(API_PORT))).transpose()?;
    let refused = refused::subscribe()?;
    Ok((Doors { forward, names, api, refused }, port))
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn obey(home: &Home, queue: &Receiver<Order>) {
    for order in queue {
        let (done, answer) = match order {
            Order::Load(text, answer) => (rules::load(&text), answer),
            Order::Attach(pidfd, wire, answer) => (home.attach(&pidfd, &wire), answer),
            Order::Detach(number) => {
                home.detach(number);
                continue;
            }
        };
        // Whoever asked may have given up; then the attachment is dropped, and that detaches.
        let _ = answer.send(done);
    }
}
