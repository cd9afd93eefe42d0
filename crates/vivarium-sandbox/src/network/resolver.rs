//! Names for instances: asks whom the operator configured, and passes on only addresses that the list covers.
//!
//! So a name never opens anything. What a name itself carries outwards is bounded by the rate of each instance.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;

use super::dns::{Answer, Code, Question, refusal};
use super::registry::{Occupant, Registry};

/// How long the resolver outside may take, each way.
const ANSWER_TIME: Duration = Duration::from_secs(4);
/// How long an instance may keep a connection for one question.
const ASK_TIME: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);
/// Largest query that is read: a name, and the options of RFC 6891.
const QUERY_BYTES: usize = 1024;
/// Largest answer over UDP without options, RFC 1035; a resolver that has more says so.
const UDP_BYTES: usize = 512;
const TCP_BYTES: u16 = 16 << 10;
/// Questions under way at once, of all instances together.
const AT_ONCE: usize = 256;

/// Answers questions.
#[derive(Clone)]
pub(super) struct Resolver {
    upstream: Option<SocketAddr>,
    registry: Arc<Registry>,
    places: Arc<Semaphore>,
}

impl Resolver {
    pub(super) fn new(upstream: Option<SocketAddr>, registry: Arc<Registry>) -> Self {
        Self { upstream, registry, places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Serves until the task is dropped.
    pub(super) async fn serve_udp(self, socket: UdpSocket) {
        let socket = Arc::new(socket);
        let mut buffer = vec![0; QUERY_BYTES];
        loop {
            let Ok((length, peer)) = socket.recv_from(&mut buffer).await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            // Who asks too much at once is not answered, and asks again.
            let Some(occupant) = self.registry.find(peer.ip()) else { continue };
            let Ok(place) = self.places.clone().try_acquire_owned() else { continue };
            let (resolver, socket, query) = (self.clone(), Arc::clone(&socket), buffer[..length].to_vec());
            tokio::spawn(async move {
                if let Some(reply) = resolver.reply(&occupant, &query).await {
                    // The instance may be gone.
                    let _ = socket.send_to(&reply, peer).await;
                }
                drop(place);
            });
        }
    }

    /// Serves until the task is dropped; one question a connection.
    pub(super) async fn serve_tcp(self, listener: TcpListener) {
        loop {
            let Ok((stream, peer)) = listener.accept().await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let Some(occupant) = self.registry.find(peer.ip()) else { continue };
            let Ok(place) = self.places.clone().try_acquire_owned() else { continue };
            let resolver = self.clone();
            tokio::spawn(async move {
                // The instance may have left, or been too slow.
                let _ = tokio::time::timeout(ASK_TIME, resolver.converse(stream, &occupant)).await;
                drop(place);
            });
        }
    }

    async fn converse(&self, mut stream: TcpStream, occupant: &Occupant) -> io::Result<()> {
        let length = usize::from(stream.read_u16().await?);
        if length > QUERY_BYTES {
            return Ok(());
        }
        let mut query = vec![0; length];
        stream.read_exact(&mut query).await?;
        if let Some(reply) = self.reply(occupant, &query).await {
            stream.write_all(&framed(&reply)).await?;
        }
        Ok(())
    }

    async fn reply(&self, occupant: &Occupant, query: &[u8]) -> Option<Vec<u8>> {
        let question = match Question::read(query) {
            Ok(question) => question,
            Err(code) => return refusal(query, code),
        };
        if self.upstream.is_none() || occupant.policy.is_empty() || !occupant.names.take() {
            return Some(question.reply(Code::Refused, &[]));
        }
        let Some(answer) = self.ask(&question).await else {
            return Some(question.reply(Code::ServerFailure, &[]));
        };
        let mut addresses = answer.addresses;
        addresses.retain(|(address, _)| occupant.policy.covers(*address));
        // A name whose addresses are all hidden still has others, perhaps, of the other family.
        let code = if answer.code == Code::NoSuchName as u16 { Code::NoSuchName } else { Code::Fine };
        Some(question.reply(code, &addresses))
    }

    async fn ask(&self, question: &Question) -> Option<Answer> {
        let upstream = self.upstream?;
        let id = random_id()?;
        let answer = tokio::time::timeout(ANSWER_TIME, over_udp(upstream, question, id)).await.ok()?.ok()?;
        if !answer.truncated {
            return Some(answer);
        }
        tokio::time::timeout(ANSWER_TIME, over_tcp(upstream, question, id)).await.ok()?.ok()
    }
}

/// From a port of its own each time, and with an id that cannot be guessed.
async fn over_udp(upstream: SocketAddr, question: &Question, id: u16) -> io::Result<Answer> {
    let any = match upstream {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(upstream).await?;
    socket.send(&question.query(id)).await?;
    let mut buffer = [0; UDP_BYTES];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if let Some(answer) = question.answer(id, &buffer[..length]) {
            return Ok(answer);
        }
    }
}

async fn over_tcp(upstream: SocketAddr, question: &Question, id: u16) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(upstream).await?;
    stream.write_all(&framed(&question.query(id))).await?;
    let length = stream.read_u16().await?;
    let unusable = || io::Error::from(io::ErrorKind::InvalidData);
    if length > TCP_BYTES {
        return Err(unusable());
    }
    let mut message = vec![0; usize::from(length)];
    stream.read_exact(&mut message).await?;
    question.answer(id, &message).ok_or_else(unusable)
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap_or_default();
    [&length.to_be_bytes(), message].concat()
}

fn random_id() -> Option<u16> {
    let mut bytes = [0; 2];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).ok()?;
    Some(u16::from_be_bytes(bytes))
}
