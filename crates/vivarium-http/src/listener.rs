//! The network side: accepting, encrypting, limiting and ending connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::context::Connection;
use crate::front::Front;
use crate::tls::Tls;

/// How long to wait after the kernel refused to accept, for instance for want of descriptors.
const PAUSE_AFTER_FAULT: Duration = Duration::from_millis(100);

/// Larger heads are cut off by the protocol itself; the front refuses much smaller ones in the dialect's words.
const HEAD_BUFFER_BYTES: usize = 512 * 1024;
const HEAD_FIELDS: usize = 1000;

/// How connections are treated.
#[derive(Clone)]
pub struct ListenerSettings {
    /// Longest time that the head of a request may take, and a connection may stay idle.
    pub header_timeout: Duration,
    /// Most connections at once; further ones wait in the kernel's queue.
    pub max_connections: usize,
    /// How long requests may go on once the server has to stop.
    pub grace: Duration,
    /// Encryption.
    pub tls: Option<Tls>,
}

impl Default for ListenerSettings {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(30),
            max_connections: 1024,
            grace: Duration::from_secs(10),
            tls: None,
        }
    }
}

/// An address that is listened on.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    settings: ListenerSettings,
}

impl Listener {
    /// Listens on `address`, which is `host:port`; port 0 picks a free one. Nothing is accepted yet.
    pub async fn bind(address: &str, settings: ListenerSettings) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address, settings })
    }

    /// The address that is really listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is cancelled; then accepts nothing more, lets requests come to their end within the grace time,
    /// and cuts off the rest.
    pub async fn serve(self, front: Front, stop: CancellationToken) {
        let graceful = GracefulShutdown::new();
        let permits = Arc::new(Semaphore::new(self.settings.max_connections));
        let cut = CancellationToken::new();
        tokio::select! {
            () = self.accept_all(&front, &graceful, &permits, &cut) => {}
            () = stop.cancelled() => {}
        }
        let Self { socket, settings, .. } = self;
        drop(socket);
        if tokio::time::timeout(settings.grace, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not end within the grace time and were cut off");
        }
        cut.cancel();
    }

    async fn accept_all(
        &self,
        front: &Front,
        graceful: &GracefulShutdown,
        permits: &Arc<Semaphore>,
        cut: &CancellationToken,
    ) {
        loop {
            let Ok(permit) = permits.clone().acquire_owned().await else { return };
            let (stream, peer) = match self.socket.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(PAUSE_AFTER_FAULT).await;
                    continue;
                }
            };
            let way = Connection { peer, local: self.address, tls: self.settings.tls.is_some() };
            let task = Task { front: front.clone(), settings: self.settings.clone(), way, _permit: permit };
            let (watcher, cut) = (graceful.watcher(), cut.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = task.run(stream, watcher) => {}
                    () = cut.cancelled() => {}
                }
            });
        }
    }
}

/// One connection.
struct Task {
    front: Front,
    settings: ListenerSettings,
    way: Connection,
    _permit: OwnedSemaphorePermit,
}

type Watcher = hyper_util::server::graceful::Watcher;

impl Task {
    async fn run(self, stream: TcpStream, watcher: Watcher) {
        // Answers are small and must not wait for more.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let Some(tls) = self.settings.tls.clone() else { return self.speak(stream, watcher).await };
        match tokio::time::timeout(self.settings.header_timeout, tls.0.accept(stream)).await {
            Ok(Ok(stream)) => self.speak(stream, watcher).await,
            Ok(Err(error)) => tracing::debug!(%error, peer = %self.way.peer, "the TLS handshake failed"),
            Err(_) => tracing::debug!(peer = %self.way.peer, "the TLS handshake took too long"),
        }
    }

    async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: S, watcher: Watcher) {
        let asked = Arc::new(AtomicBool::new(false));
        let service = {
            let (front, way, asked) = (self.front.clone(), self.way, asked.clone());
            hyper::service::service_fn(move |request: Request<Incoming>| {
                asked.store(true, Ordering::Relaxed);
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(way);
                front.clone().call(request)
            })
        };
        let builder = protocol(self.settings.header_timeout);
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let connection = watcher.watch(connection.into_owned());
        tokio::select! {
            ended = connection => if let Err(error) = ended {
                tracing::debug!(error, peer = %self.way.peer, "a connection ended with an error");
            },
            // Before the protocol is known its own timeouts do not run yet.
            () = never_asked(&asked, self.settings.header_timeout) => {}
        }
    }
}

/// Returns if no request has come by the end of the time.
async fn never_asked(asked: &AtomicBool, limit: Duration) {
    tokio::time::sleep(limit).await;
    if asked.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

fn protocol(header_timeout: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(HEAD_BUFFER_BYTES)
        .max_headers(HEAD_FIELDS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(HEAD_BUFFER_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(header_timeout)
        .keep_alive_timeout(header_timeout)
        .max_concurrent_streams(256);
    builder
}
