//! Server-sent events of an evaluation, read without a gap over lost connections.

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use super::Client;
use super::wire::EvaluationDocument;
use crate::fault::{Context, Outcome};

/// Attempts in a row that bring no event before the server counts as gone.
const ATTEMPTS: u32 = 10;

/// Pause before the first of them; each further one is longer by as much.
const PAUSE: Duration = Duration::from_millis(200);

/// What happens to an evaluation.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// It wrote to standard output.
    Stdout(String),
    /// It wrote to standard error.
    Stderr(String),
    /// It changed its state.
    Status(EvaluationDocument),
}

/// Hands over every event of an evaluation, each once, until it has ended; its last state.
pub(crate) fn follow(client: &Client, id: &str, mut take: impl FnMut(Event)) -> Outcome<EvaluationDocument> {
    let mut last: Option<String> = None;
    let mut failures = 0;
    loop {
        let seen = last.clone();
        let result = client.open_events(id, last.as_deref()).and_then(|stream| read(stream, &mut last, &mut take));
        if let Ok(Some(document)) = result {
            return Ok(document);
        }
        failures = if seen == last { failures + 1 } else { 1 };
        if failures > ATTEMPTS {
            result?;
            return client.evaluation(id);
        }
        std::thread::sleep(PAUSE * failures);
    }
}

/// Reads a stream to its end; the final state if it came.
fn read(
    stream: impl Read,
    last: &mut Option<String>,
    take: &mut impl FnMut(Event),
) -> Outcome<Option<EvaluationDocument>> {
    let mut frame = Frame::default();
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return Ok(None) };
        if !line.is_empty() {
            frame.add(&line);
            continue;
        }
        let whole = std::mem::take(&mut frame);
        let id = whole.id.clone();
        let event = whole.event()?;
        *last = id.or_else(|| last.take());
        match event {
            Some(Event::Status(document)) if document.is_final() => return Ok(Some(document)),
            Some(event) => take(event),
            None => {}
        }
    }
    Ok(None)
}

/// The lines of one event.
#[derive(Default)]
struct Frame {
    id: Option<String>,
    kind: String,
    data: Vec<String>,
}

impl Frame {
    /// Adds a line; comments and unknown fields are passed over.
    fn add(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.kind),
            "data" => self.data.push(value.to_owned()),
            _ => {}
        }
    }

    fn event(self) -> Outcome<Option<Event>> {
        let (step, data) = ("cannot read an event of the server", self.data.join("\n"));
        Ok(match self.kind.as_str() {
            "stdout" => Some(Event::Stdout(serde_json::from_str(&data).context(step)?)),
            "stderr" => Some(Event::Stderr(serde_json::from_str(&data).context(step)?)),
            "status" => Some(Event::Status(serde_json::from_str(&data).context(step)?)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const STREAM: &str = ": keep alive\n\nid: 1\nevent: status\ndata: {\"status\": 1}\n\nid: 2\nevent: stdout\ndata: \"a\\n\"\n\n\
        id: 3\nevent: other\ndata: x\n\nid: 4\nevent: stderr\ndata: \"b\"\n\nid: 5\nevent: status\ndata: {\"status\": 4,\ndata: \"message\": \"m\"}\n\n";

    #[test]
    fn a_stream_is_read_to_the_final_state() {
        let (mut last, mut events) = (None, Vec::new());
        let document =
            read(STREAM.as_bytes(), &mut last, &mut |event| events.push(format!("{event:?}"))).unwrap().unwrap();
        assert_eq!((document.status, document.message.as_deref()), (4, Some("m")));
        assert_eq!(last.as_deref(), Some("5"));
        assert_eq!(events.len(), 3, "{events:?}");
        assert!(events[1].contains("Stdout(\"a\\n\")"), "{events:?}");
    }

    #[test]
    fn a_stream_that_breaks_off_leaves_the_place_to_go_on_from() {
        let (mut last, mut count) = (None, 0);
        let cut = &STREAM[..STREAM.find("id: 4").unwrap() + 20];
        assert!(read(cut.as_bytes(), &mut last, &mut |_| count += 1).unwrap().is_none());
        assert_eq!((last.as_deref(), count), (Some("3"), 2));
    }
}
