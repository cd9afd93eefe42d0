//! What goes over the control socket: one request to the harness, at most one answer.
//!
//! Both are four bytes of length, most significant first, and JSON. The answer is hostile: the script can write
//! whatever it likes to the socket.
//!
//! An instance that is to be parked gets a length of zero first ([`SIGNAL`]): it does what it can do without a
//! script and says the same when it is ready, and once more when it has read a request and before it runs it.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::source::Prepared;

/// Room for everything in an answer but the result: a message, and the names of modules.
const ANSWER_SLACK_BYTES: usize = 256 << 10;

/// A message of no bytes.
pub(super) const SIGNAL: [u8; 4] = [0; 4];

/// What the harness is told.
#[derive(Serialize)]
struct Request<'request> {
    source: &'request str,
    shown: Option<&'request str>,
    values: &'request Map<String, Value>,
    undeclared: &'request [(usize, String)],
    result_bytes: usize,
}

/// The bytes of a request.
pub(super) fn request(prepared: &Prepared, result_bytes: usize) -> io::Result<Vec<u8>> {
    let Prepared { source, shown, values, undeclared } = prepared;
    let request = Request { source, shown: shown.as_deref(), values, undeclared, result_bytes };
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, &request)?;
    let length = u32::try_from(bytes.len() - 4).map_err(|_| io::Error::other("the script is too large"))?;
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    Ok(bytes)
}

/// What the harness says: one of the first two, and what the script loaded that a zygote could have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(default, deserialize_with = "present")]
    completed: Option<Option<Completed>>,
    failed: Option<String>,
    #[serde(default)]
    modules: Vec<String>,
}

/// `null` is there, too.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Completed>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Completed {
    output: Box<RawValue>,
}

/// What came out of the control socket, with the names of modules that the script says it loaded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Heard {
    pub(super) answer: Answer,
    pub(super) modules: Vec<String>,
}

impl From<Answer> for Heard {
    fn from(answer: Answer) -> Self {
        Self { answer, modules: Vec::new() }
    }
}

/// How the harness says that the script ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Answer {
    /// Nothing: the process left without a word.
    #[default]
    None,
    /// Something that is no answer.
    Malformed,
    /// The script came to its end, with JSON text of its result.
    Completed(Option<String>),
    /// It did not, and why.
    Failed(String),
}

/// Reads one answer, whose result may have so many bytes.
pub(super) async fn answer(socket: &mut (impl AsyncRead + Unpin), result_bytes: usize) -> Heard {
    let mut length = [0; 4];
    match socket.read(&mut length[..1]).await {
        Ok(1) => {}
        _ => return Heard::default(),
    }
    if socket.read_exact(&mut length[1..]).await.is_err() {
        return Answer::Malformed.into();
    }
    let length = u32::from_be_bytes(length);
    if length as usize > result_bytes.saturating_add(ANSWER_SLACK_BYTES) {
        return Answer::Malformed.into();
    }
    // Grows with what arrives, not with what is announced.
    let mut body = Vec::new();
    let read = socket.take(u64::from(length)).read_to_end(&mut body).await;
    let whole = read.is_ok() && body.len() == length as usize;
    if whole { parse(&body, result_bytes) } else { Answer::Malformed.into() }
}

fn parse(body: &[u8], result_bytes: usize) -> Heard {
    let Ok(Wire { completed, failed, modules }) = serde_json::from_slice(body) else {
        return Answer::Malformed.into();
    };
    let answer = match (completed, failed) {
        (Some(None), None) => Answer::Completed(None),
        (Some(Some(Completed { output })), None) if output.get().len() <= result_bytes => {
            Answer::Completed(Some(output.get().to_owned()))
        }
        (None, Some(message)) => Answer::Failed(one_line(&message)),
        _ => Answer::Malformed,
    };
    Heard { answer, modules }
}

fn one_line(message: &str) -> String {
    let words: Vec<&str> =
        message.split(|character: char| character.is_control()).filter(|part| !part.is_empty()).collect();
    words.join(" ").chars().take(2000).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn framed(body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap();
        [&length.to_be_bytes()[..], body].concat()
    }

    fn hear(bytes: &[u8]) -> Heard {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(answer(&mut &*bytes, 100))
    }

    fn read(bytes: &[u8]) -> Answer {
        hear(bytes).answer
    }

    #[test]
    fn modules_come_with_an_answer() {
        let heard = hear(&framed(b"{\"completed\":null,\"modules\":[\"a.b\"]}"));
        assert_eq!(heard, Heard { answer: Answer::Completed(None), modules: vec!["a.b".to_owned()] });
        assert_eq!(read(&framed(b"{\"modules\":[]}")), Answer::Malformed);
        assert_eq!(read(&framed(b"{\"completed\":null,\"modules\":[1]}")), Answer::Malformed);
    }

    #[test]
    fn answers_are_read() {
        assert_eq!(read(&framed(b"{\"completed\":null}")), Answer::Completed(None));
        let result = "[1,{\"a\":\"\u{e9}\"}]";
        let body = format!("{{\"completed\":{{\"output\":{result}}}}}");
        assert_eq!(read(&framed(body.as_bytes())), Answer::Completed(Some(result.to_owned())));
        assert_eq!(read(&framed(b"{\"failed\":\"a\\nb\\u001b\"}")), Answer::Failed("a b".to_owned()));
        assert_eq!(read(b""), Answer::None);
    }

    #[test]
    fn everything_else_is_malformed() {
        let long = format!("{{\"completed\":{{\"output\":\"{}\"}}}}", "x".repeat(200));
        for bytes in [
            b"\x00".to_vec(),
            b"\x00\x00\x00\x05ab".to_vec(),
            b"\xff\xff\xff\xff".to_vec(),
            framed(b""),
            framed(b"\xff\xfe"),
            framed(b"{}"),
            framed(b"{\"completed\":null,\"failed\":\"x\"}"),
            framed(b"{\"completed\":{\"output\":nan}}"),
            framed(b"{\"completed\":{}}"),
            framed("[".repeat(5000).as_bytes()),
            framed(long.as_bytes()),
        ] {
            assert_eq!(read(&bytes), Answer::Malformed, "{:?}", String::from_utf8_lossy(&bytes));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            read(&bytes);
            read(&framed(&bytes));
        }

        /// Values arrive in the request as they are, whatever they hold.
        #[test]
        fn values_survive_the_way(value in ".*", source in ".*") {
            let values = Map::from_iter([("x".to_owned(), Value::from(value))]);
            let prepared = Prepared { source, shown: None, values, undeclared: Vec::new() };
            let bytes = request(&prepared, 1).unwrap();
            let read: Value = serde_json::from_slice(&bytes[4..]).unwrap();
            prop_assert_eq!(&read["values"]["x"], &prepared.values["x"]);
            prop_assert_eq!(&read["source"], &Value::from(prepared.source));
        }
    }
}
