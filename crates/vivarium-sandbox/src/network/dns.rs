//! As much of DNS (RFC 1035) as a question for addresses and its answer need. Everything else is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Types of records, RFC 1035 and 3596.
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
const CLASS_INTERNET: u16 = 1;
const HEADER_BYTES: usize = 12;
/// RFC 1035, section 2.3.4.
const NAME_BYTES: usize = 255;
/// A name without compression begins right after the header.
const POINTER_TO_QUESTION: [u8; 2] = [0xC0, 0x0C];
/// How many addresses are passed on.
const ADDRESSES: usize = 16;
/// How long an answer may be kept: a list may change.
const MOST_SECONDS: u32 = 60;

const RESPONSE: u16 = 0x8000;
const OPCODE: u16 = 0x7800;
const TRUNCATED: u16 = 0x0200;
const RECURSION_DESIRED: u16 = 0x0100;
const RECURSION_AVAILABLE: u16 = 0x0080;
const CODE: u16 = 0x000F;

/// What an answer says, RFC 1035, section 4.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Fine = 0,
    Malformed = 1,
    ServerFailure = 2,
    NoSuchName = 3,
    Refused = 5,
}

/// A question for the addresses of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) id: u16,
    /// Name, type and class as they were asked.
    bytes: Vec<u8>,
    kind: u16,
}

/// What the resolver outside says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) truncated: bool,
    pub(super) code: u16,
    /// Addresses with the seconds that they may be kept.
    pub(super) addresses: Vec<(IpAddr, u32)>,
}

impl Question {
    /// Reads a query that holds exactly one question for A or AAAA. What comes after the question is ignored.
    pub(super) fn read(query: &[u8]) -> Result<Self, Code> {
        let flags = number(query, 2).ok_or(Code::Malformed)?;
        if flags & RESPONSE != 0 || number(query, 4) != Some(1) {
            return Err(Code::Malformed);
        }
        let end = skip_plain_name(query, HEADER_BYTES).ok_or(Code::Malformed)?;
        let (Some(kind), Some(class)) = (number(query, end), number(query, end + 2)) else {
            return Err(Code::Malformed);
        };
        if flags & OPCODE != 0 || class != CLASS_INTERNET || !matches!(kind, TYPE_A | TYPE_AAAA) {
            return Err(Code::Refused);
        }
        let bytes = query[HEADER_BYTES..end + 4].to_vec();
        Ok(Self { id: number(query, 0).unwrap_or_default(), bytes, kind })
    }

    /// The query for the resolver outside: nothing of what the instance wrote but the question.
    pub(super) fn query(&self, id: u16) -> Vec<u8> {
        let mut bytes = header(id, RECURSION_DESIRED, 1, 0);
        bytes.extend(&self.bytes);
        bytes
    }

    /// Reads the answer to [`Self::query`]; `None` for anything that is not one.
    pub(super) fn answer(&self, id: u16, message: &[u8]) -> Option<Answer> {
        let flags = number(message, 2)?;
        let counts = (number(message, 4)?, number(message, 6)?);
        let end = HEADER_BYTES + self.bytes.len();
        let same = message.get(HEADER_BYTES..end)?.eq_ignore_ascii_case(&self.bytes);
        if number(message, 0)? != id || flags & RESPONSE == 0 || counts.0 != 1 || !same {
            return None;
        }
        let truncated = flags & TRUNCATED != 0;
        let mut answer = Answer { truncated, code: flags & CODE, addresses: Vec::new() };
        let mut at = end;
        for _ in 0..counts.1 {
            let Some(record) = Record::read(message, at) else {
                return answer.truncated.then_some(answer);
            };
            answer.addresses.extend(record.address(self.kind));
            at = record.end;
        }
        Some(answer)
    }

    /// What the instance is told.
    pub(super) fn reply(&self, code: Code, addresses: &[(IpAddr, u32)]) -> Vec<u8> {
        let addresses = &addresses[..addresses.len().min(ADDRESSES)];
        let flags = RESPONSE | RECURSION_DESIRED | RECURSION_AVAILABLE | code as u16;
        let mut bytes = header(self.id, flags, 1, u16::try_from(addresses.len()).unwrap_or_default());
        bytes.extend(&self.bytes);
        for (address, seconds) in addresses {
            bytes.extend(POINTER_TO_QUESTION);
            bytes.extend(self.kind.to_be_bytes());
            bytes.extend(CLASS_INTERNET.to_be_bytes());
            bytes.extend(seconds.min(&MOST_SECONDS).to_be_bytes());
            match address {
                IpAddr::V4(v4) => bytes.extend([&[0, 4], &v4.octets()[..]].concat()),
                IpAddr::V6(v6) => bytes.extend([&[0, 16], &v6.octets()[..]].concat()),
            }
        }
        bytes
    }
}

/// An answer to something that is no question for addresses; `None` where there is not even an id.
pub(super) fn refusal(query: &[u8], code: Code) -> Option<Vec<u8>> {
    Some(header(number(query, 0)?, RESPONSE | code as u16, 0, 0))
}

struct Record<'message> {
    kind: u16,
    class: u16,
    seconds: u32,
    data: &'message [u8],
    end: usize,
}

impl<'message> Record<'message> {
    fn read(message: &'message [u8], at: usize) -> Option<Self> {
        let at = skip_name(message, at)?;
        let head = message.get(at..at + 10)?;
        let length = usize::from(number(head, 8)?);
        let (start, end) = (at + 10, at + 10 + length);
        let seconds = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        let data = message.get(start..end)?;
        Some(Self { kind: number(head, 0)?, class: number(head, 2)?, seconds, data, end })
    }

    fn address(&self, wanted: u16) -> Option<(IpAddr, u32)> {
        if self.kind != wanted || self.class != CLASS_INTERNET {
            return None;
        }
        let address = match wanted {
            TYPE_A => <[u8; 4]>::try_from(self.data).ok().map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes))),
            _ => <[u8; 16]>::try_from(self.data).ok().map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes))),
        };
        Some((address?, self.seconds))
    }
}

fn header(id: u16, flags: u16, questions: u16, answers: u16) -> Vec<u8> {
    [id, flags, questions, answers, 0, 0].map(u16::to_be_bytes).concat()
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
}

/// The end of a name without compression.
fn skip_plain_name(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        match length {
            0 if at - start <= NAME_BYTES => return Some(at),
            1..64 if at - start < NAME_BYTES => {}
            _ => return None,
        }
    }
}

/// The end of a name that may end with a pointer, which is not followed.
fn skip_name(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let length = *bytes.get(at)?;
        match length {
            0 => return Some(at + 1),
            1..64 => at += 1 + usize::from(length),
            0xC0.. => return Some(at + 2),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn query(name: &str, kind: u16) -> Vec<u8> {
        let mut bytes = header(7, RECURSION_DESIRED, 1, 0);
        for label in name.split('.') {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend(label.bytes());
        }
        bytes.push(0);
        bytes.extend([kind, CLASS_INTERNET].map(u16::to_be_bytes).concat());
        bytes
    }

    #[test]
    fn a_question_becomes_a_query_and_a_reply() {
        let question = Question::read(&query("db.example", TYPE_A)).unwrap();
        assert_eq!(question.query(9), [header(9, RECURSION_DESIRED, 1, 0), question.bytes.clone()].concat());
        let known: Vec<(IpAddr, u32)> = vec![("10.1.2.3".parse().unwrap(), 3600)];
        let mut reply = question.reply(Code::Fine, &known);
        let answer = question.answer(7, &reply).unwrap();
        assert_eq!(answer.addresses, [(known[0].0, MOST_SECONDS)]);
        assert!(question.answer(8, &reply).is_none(), "another id");
        reply[13] = b'x';
        assert!(question.answer(7, &reply).is_none(), "another name");
    }

    #[test]
    fn only_questions_for_addresses_are_read() {
        assert_eq!(Question::read(&query("a.b", 16)), Err(Code::Refused));
        assert_eq!(Question::read(&query("a.b", 255)), Err(Code::Refused));
        let mut two = query("a.b", TYPE_AAAA);
        two[5] = 2;
        assert_eq!(Question::read(&two), Err(Code::Malformed));
        let mut pointer = query("a.b", TYPE_A);
        pointer[12] = 0xC0;
        assert_eq!(Question::read(&pointer), Err(Code::Malformed));
        let long = vec!["x".repeat(63); 4].join(".");
        assert_eq!(Question::read(&query(&long, TYPE_A)), Err(Code::Malformed));
        let whole = query("a.b", TYPE_A);
        for length in 0..whole.len() {
            assert_eq!(Question::read(&whole[..length]), Err(Code::Malformed), "{length}");
        }
    }

    #[test]
    fn cut_and_strange_answers_do_no_harm() {
        let question = Question::read(&query("a.b", TYPE_AAAA)).unwrap();
        let reply = question.reply(Code::Fine, &[("2001:db8::1".parse().unwrap(), 1)]);
        for length in 0..reply.len() {
            assert_eq!(question.answer(7, &reply[..length]), None, "{length}");
        }
        for at in 0..reply.len() {
            let mut wrong = reply.clone();
            wrong[at] ^= 0xff;
            let answer = question.answer(7, &wrong);
            assert!(answer.is_none_or(|answer| answer.addresses.len() <= 1));
        }
    }
}
