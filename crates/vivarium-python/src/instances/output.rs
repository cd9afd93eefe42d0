//! Output of an instance: kept up to a limit, read to its end so that the script is never held up.

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::mpsc::UnboundedSender;
use vivarium_domain::ports::InstanceEvent;

const CHUNK_BYTES: usize = 64 << 10;

/// One of the two streams.
pub(super) struct Stream {
    /// Bytes that may still be kept.
    room: usize,
    /// Whether there was more.
    pub(super) cut: bool,
    wrap: fn(Vec<u8>) -> InstanceEvent,
}

impl Stream {
    pub(super) fn new(limit: usize, wrap: fn(Vec<u8>) -> InstanceEvent) -> Self {
        Self { room: limit, cut: false, wrap }
    }

    /// Forwards everything until all writers are gone. What was forwarded stays if this is dropped.
    pub(super) async fn forward(&mut self, mut pipe: Receiver, events: &UnboundedSender<InstanceEvent>) {
        let mut chunk = vec![0; CHUNK_BYTES];
        while let Ok(count @ 1..) = pipe.read(&mut chunk).await {
            if let Some(kept) = self.keep(&chunk[..count]) {
                // Nobody listens any more: the instance still has to run to its end.
                let _ = events.send((self.wrap)(kept));
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let count = bytes.len().min(self.room);
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
    }

    #[test]
    fn a_limit_of_nothing_keeps_nothing() {
        let mut stream = Stream::new(0, InstanceEvent::Stderr);
        assert_eq!(stream.keep(b"x"), None);
        assert!(stream.cut);
    }
}
