//! The forwarder: takes connections in inside the router, judges them once more, and makes them outside.
//!
//! It trusts nothing: who connects is known by the address that the rules have checked, whereto is what the kernel
//! wrote down before it redirected, and the list is asked again.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::address::plain;
use super::registry::{Occupant, Outcome, Registry};

/// How long a listed address may take to answer.
const CONNECT_TIME: Duration = Duration::from_secs(30);
/// After a failure that is not about one connection, such as a want of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Where the connections of a listener go.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// Where they were meant to go, if the list of whoever makes them covers it.
    Listed,
    /// To one address outside, whatever the list says.
    Fixed(SocketAddr),
}

/// Serves until the task is dropped.
pub(super) async fn serve(listener: TcpListener, registry: Arc<Registry>, way: Way) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        match registry.find(peer.ip()) {
            Some(occupant) => {
                tokio::spawn(handle(stream, occupant, Arc::clone(&registry.shares.all), way));
            }
            None => reset(&stream),
        }
    }
}

async fn handle(mut inside: TcpStream, occupant: Arc<Occupant>, all: Arc<Semaphore>, way: Way) {
    let Some(target) = original_target(&inside) else { return reset(&inside) };
    let (Ok(_place), Ok(_share)) = (occupant.connections.try_acquire(), all.try_acquire()) else {
        occupant.note(target, Outcome::TooMany);
        return reset(&inside);
    };
    let outside = match way {
        Way::Fixed(outside) => outside,
        Way::Listed => target,
    };
    let ended = tokio::select! {
        biased;
        () = revoked(&occupant, target, way) => Err(Some(Outcome::NotListed)),
        () = occupant.gone.cancelled() => Err(None),
        ended = pass(&mut inside, outside) => ended,
    };
    if let Err(outcome) = ended {
        reset(&inside);
        outcome.into_iter().for_each(|outcome| occupant.note(target, outcome));
    }
}

/// Returns when, or as soon as, the list does not cover the target.
async fn revoked(occupant: &Occupant, target: SocketAddr, way: Way) {
    match way {
        Way::Fixed(_) => std::future::pending().await,
        Way::Listed => occupant.policy.revoked(target.ip()).await,
    }
}

/// Connects and carries bytes both ways until both sides have ended; buffers hold a few kilobytes each.
async fn pass(inside: &mut TcpStream, target: SocketAddr) -> Result<(), Option<Outcome>> {
    let late = |_| Err(io::Error::from(io::ErrorKind::TimedOut));
    let connected = tokio::time::timeout(CONNECT_TIME, TcpStream::connect(target)).await.unwrap_or_else(late);
    let mut outside = connected.map_err(|error| Some(Outcome::Unreachable(error.to_string())))?;
    for stream in [&*inside, &outside] {
        // Bytes go on as they come; a kernel that cannot promise that is only slower.
        let _ = stream.set_nodelay(true);
    }
    let carried = copy_bidirectional(inside, &mut outside).await;
    carried.map(drop).map_err(|_| {
        reset(&outside);
        None
    })
}

/// Where a connection was meant to go before it was redirected; the address that took it in, if it was not.
fn original_target(stream: &TcpStream) -> Option<SocketAddr> {
    let local = stream.local_addr().ok()?;
    let original = match local {
        SocketAddr::V4(_) => sockopt::ip_original_dst(stream).map(SocketAddr::V4),
        SocketAddr::V6(_) => sockopt::ipv6_original_dst(stream).map(SocketAddr::V6),
    };
    let target = original.unwrap_or(local);
    Some(SocketAddr::new(plain(target.ip()), target.port()))
}

/// Has the other side see a broken connection instead of an orderly end.
fn reset(stream: &TcpStream) {
    // Then it is an orderly end after all.
    let _ = sockopt::set_socket_linger(stream, Some(Duration::ZERO));
}
