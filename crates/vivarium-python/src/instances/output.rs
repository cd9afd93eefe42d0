//! Output of an instance: kept up to a limit, read to its end so that the script is never held up.

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use vivarium_domain::ports::InstanceEvent;

const CHUNK_BYTES: usize = 64 << 10;

/// One of the two streams.
pub(super) struct Stream {
    /// Bytes that may still be kept.
    room: usize,
    /// Whether there was more.
    pub(super) cut: bool,
    /// Bytes that came, kept or not.
    pub(super) came: u64,
    wrap: fn(Vec<u8>) -> InstanceEvent,
}

impl Stream {
    pub(super) fn new(limit: usize, wrap: fn(Vec<u8>) -> InstanceEvent) -> Self {
        Self { room: limit, cut: false, came: 0, wrap }
    }

    /// Forwards everything until all writers are gone, or, once `enough` is cancelled, until nothing more is there.
    /// What was forwarded stays if this is dropped.
    pub(super) async fn forward(
        &mut self,
        mut pipe: Receiver,
        events: &UnboundedSender<InstanceEvent>,
        enough: &CancellationToken,
    ) {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = tokio::select! {
                biased;
                read = pipe.read(&mut chunk) => read.unwrap_or(0),
                // The kernel is asked, not what the async runtime last heard of it. The pipe does not block.
                () = enough.cancelled() => rustix::io::read(&pipe, &mut chunk[..]).unwrap_or(0),
            };
            if count == 0 {
                return;
            }
            if let Some(kept) = self.keep(&chunk[..count]) {
                // Nobody listens any more: the instance still has to run to its end.
                let _ = events.send((self.wrap)(kept));
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let count = bytes.len().min(self.room);
        self.came += bytes.len() as u64;
        self.room -= count;
        self.cut |= count < bytes.len();
        (count > 0).then(|| bytes[..count].to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cut_is_exact_and_marked() {
        let mut stream = Stream::new(5, InstanceEvent::Stdout);
        assert_eq!(stream.keep(b"abc"), Some(b"abc".to_vec()));
        assert_eq!(stream.keep(b"de"), Some(b"de".to_vec()));
        assert!(!stream.cut, "just full is not cut");
        assert_eq!(stream.keep(b"f"), None);
        assert!(stream.cut);
        assert_eq!(stream.came, 6);
    }

    #[test]
    fn a_limit_of_nothing_keeps_nothing() {
        let mut stream = Stream::new(0, InstanceEvent::Stderr);
        assert_eq!(stream.keep(b"x"), None);
        assert!(stream.cut);
    }
}
