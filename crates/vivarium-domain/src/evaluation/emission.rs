//! An evaluation as a stream of events that can be taken up again anywhere.

use std::fmt;
use std::str::FromStr;

use super::model::{Evaluation, EvaluationState};

/// A place in the stream of an evaluation: how much of each output has been seen, and which state.
/// All three only grow, and so does the number it is written as; that makes it an event id from which a stream
/// can be resumed with nothing but the record at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor {
    stdout: u32,
    stderr: u32,
    stage: u8,
}

const OFFSET_BITS: u32 = 31;
const STAGE_BITS: u32 = 2;

/// The text is not an event id of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an event id of this server")]
pub struct NotACursor;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub enum Emission {
    /// More standard output.
    Stdout {
        /// The text; bytes that are not UTF-8 are replaced.
        text: String,
        /// Where the stream is after it.
        id: Cursor,
    },
    /// More standard error.
    Stderr {
        /// The text; bytes that are not UTF-8 are replaced.
        text: String,
        /// Where the stream is after it.
        id: Cursor,
    },
    /// A new state. The stream ends after a final one.
    Status {
        /// The evaluation as it is now.
        evaluation: Box<Evaluation>,
        /// Where the stream is after it.
        id: Cursor,
    },
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offsets = (u64::from(self.stdout) << OFFSET_BITS) | u64::from(self.stderr);
        write!(formatter, "{}", (offsets << STAGE_BITS) | u64::from(self.stage))
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let number: u64 = text.parse().map_err(|_| NotACursor)?;
        let offset = |number: u64| u32::try_from(number & ((1 << OFFSET_BITS) - 1)).map_err(|_| NotACursor);
        let stage = u8::try_from(number & ((1 << STAGE_BITS) - 1)).map_err(|_| NotACursor)?;
        let offsets = number >> STAGE_BITS;
        Ok(Self { stdout: offset(offsets >> OFFSET_BITS)?, stderr: offset(offsets)?, stage })
    }
}

/// What of `evaluation` comes after `cursor`, and where that leads. A state comes before the output that it brings,
/// a final one after all of it.
pub(super) fn emissions(evaluation: &Evaluation, mut cursor: Cursor) -> (Vec<Emission>, Cursor) {
    let is_final = evaluation.state.is_final();
    let mut events = Vec::new();
    if !is_final {
        events.extend(status(evaluation, &mut cursor));
    }
    if let Some((text, end)) = text_since(&evaluation.stdout, cursor.stdout, is_final) {
        cursor.stdout = end;
        events.push(Emission::Stdout { text, id: cursor });
    }
    if let Some((text, end)) = text_since(&evaluation.stderr, cursor.stderr, is_final) {
        cursor.stderr = end;
        events.push(Emission::Stderr { text, id: cursor });
    }
    if is_final {
        events.extend(status(evaluation, &mut cursor));
    }
    (events, cursor)
}

fn status(evaluation: &Evaluation, cursor: &mut Cursor) -> Option<Emission> {
    let stage = match evaluation.state {
        EvaluationState::Initiated => 1,
        EvaluationState::Running => 2,
        _ => 3,
    };
    if stage <= cursor.stage {
        return None;
    }
    cursor.stage = stage;
    Some(Emission::Status { evaluation: Box::new(evaluation.clone()), id: *cursor })
}

/// The text from `offset` on, and where it ends; nothing if there is none.
fn text_since(bytes: &[u8], offset: u32, is_final: bool) -> Option<(String, u32)> {
    let start = usize::try_from(offset).ok()?;
    let rest = bytes.get(start..)?;
    let rest = if is_final { rest } else { whole_characters(rest) };
    let end = u32::try_from(start + rest.len()).ok()?;
    (!rest.is_empty()).then(|| (String::from_utf8_lossy(rest).into_owned(), end))
}

/// `bytes` without a character at its end whose rest has not been written yet.
pub(super) fn whole_characters(bytes: &[u8]) -> &[u8] {
    let tail_start = bytes.len().saturating_sub(3);
    let tail = &bytes[tail_start..];
    let Some(lead) = tail.iter().rposition(|byte| *byte >= 0xC0) else { return bytes };
    match std::str::from_utf8(&tail[lead..]) {
        Err(error) if error.error_len().is_none() => &bytes[..tail_start + lead],
        _ => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back_what_they_wrote_and_grow_with_the_stream() {
        let steps = [(0, 0, 1), (0, 0, 2), (0, 7, 2), (3, 7, 2), (3, 9, 2), (u32::MAX >> 1, 9, 3)];
        let mut last = None;
        for (stdout, stderr, stage) in steps {
            let cursor = Cursor { stdout, stderr, stage };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
            let number: u64 = cursor.to_string().parse().unwrap();
            assert!(last < Some(number));
            last = Some(number);
        }
        for text in ["", "-1", "1.5", "x", "99999999999999999999999"] {
            assert_eq!(text.parse::<Cursor>(), Err(NotACursor), "{text}");
        }
    }

    #[test]
    fn a_character_is_never_cut_in_two() {
        let text = "aé€😀".as_bytes();
        for end in 0..=text.len() {
            let whole = whole_characters(&text[..end]);
            assert!(std::str::from_utf8(whole).is_ok() && end - whole.len() < 4, "{end}");
        }
        assert_eq!(whole_characters(b"a\xff"), b"a\xff");
        assert_eq!(whole_characters(b"\x80\x80\x80\x80"), b"\x80\x80\x80\x80");
    }
}
