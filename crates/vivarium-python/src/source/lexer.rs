//! A lexer of just as much Python as it takes to tell code from text: literals with all their prefixes,
//! replacement fields of f-strings, comments.
//!
//! It never fails: what it cannot make sense of stays as it is, and Python reports it.

/// Something that stands in the source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'source> {
    /// The name after the `$`.
    pub(super) name: &'source str,
    /// Where the `$` stands, in bytes.
    pub(super) start: usize,
    /// Counted from 1.
    pub(super) line: usize,
    /// Whether the text around it assigns to it.
    pub(super) is_target: bool,
}

/// Every `$name` that stands where Python expects code.
pub(super) fn tokens(source: &str, minor: u16) -> Vec<Token<'_>> {
    let mut lexer = Lexer::new(source, minor);
    while lexer.at < lexer.bytes.len() {
        lexer.step();
    }
    lexer.found
}

/// What an f-string is made of, innermost last. An empty stack is plain code.
#[derive(Debug, Clone, Copy)]
enum Frame {
    /// Text of an f-string.
    Text(Quote),
    /// Code of a replacement field, with its open brackets.
    Field(Quote, usize),
    /// Format specification of a field.
    Format(Quote),
}

#[derive(Debug, Clone, Copy)]
struct Quote {
    byte: u8,
    width: usize,
    raw: bool,
    /// Until 3.11 an f-string ends where a plain string would, whatever its fields hold.
    end: Option<usize>,
}

impl Frame {
    fn quote(self) -> Quote {
        match self {
            Self::Text(quote) | Self::Field(quote, _) | Self::Format(quote) => quote,
        }
    }
}

/// Deeper nesting is left as it is: Python refuses it too, and a hostile text must not cost much time.
const MAXIMUM_DEPTH: usize = 64;

struct Lexer<'source> {
    source: &'source str,
    bytes: &'source [u8],
    at: usize,
    line: usize,
    frames: Vec<Frame>,
    /// The word right before `at`, if only blanks lie between.
    word: &'source str,
    /// Whether quotes may come again in fields (PEP 701).
    quotes_nest: bool,
    has_templates: bool,
    found: Vec<Token<'source>>,
}

impl<'source> Lexer<'source> {
    fn new(source: &'source str, minor: u16) -> Self {
        let (quotes_nest, has_templates) = (minor >= 12, minor >= 14);
        let bytes = source.as_bytes();
        Self {
            source,
            bytes,
            at: 0,
            line: 1,
            frames: Vec::new(),
            word: "",
            quotes_nest,
            has_templates,
            found: Vec::new(),
        }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Goes on by so many bytes, counting lines.
    fn advance(&mut self, count: usize) {
        let end = (self.at + count).min(self.bytes.len());
        self.line += self.bytes[self.at..end].iter().filter(|byte| **byte == b'\n').count();
        self.at = end;
    }

    fn step(&mut self) {
        if self.leave_at_fixed_end() {
            return;
        }
        match self.frames.last().copied() {
            None => self.code(None),
            Some(Frame::Field(quote, depth)) => self.code(Some((quote, depth))),
            Some(Frame::Text(quote)) => self.text(quote, false),
            Some(Frame::Format(quote)) => self.text(quote, true),
        }
    }

    /// The outermost f-string wins: it was cut out before its fields were looked at.
    fn leave_at_fixed_end(&mut self) -> bool {
        if self.limit() > self.at {
            return false;
        }
        let ended = self.frames.iter().position(|frame| frame.quote().end.is_some_and(|end| end <= self.at));
        let Some(position) = ended else { return false };
        let quote = self.frames[position].quote();
        self.frames.truncate(position);
        self.advance(quote.width);
        true
    }

    fn code(&mut self, field: Option<(Quote, usize)>) {
        let byte = self.peek(0);
        match byte {
            b'#' => self.comment(),
            b'"' | b'\'' => self.string(""),
            b'$' => self.variable(),
            b' ' | b'\t' => self.advance(1),
            _ if is_word(byte) => self.word(),
            _ => {
                self.word = "";
                match field {
                    Some((quote, depth)) => self.field_byte(byte, quote, depth),
                    None => self.advance(1),
                }
            }
        }
    }

    fn field_byte(&mut self, byte: u8, quote: Quote, depth: usize) {
        self.frames.pop();
        match (byte, depth) {
            (b'}', 0) => {}
            (b':', 0) => self.frames.push(Frame::Format(quote)),
            (b'(' | b'[' | b'{', _) => self.frames.push(Frame::Field(quote, depth + 1)),
            (b')' | b']' | b'}', _) => self.frames.push(Frame::Field(quote, depth.saturating_sub(1))),
            _ => self.frames.push(Frame::Field(quote, depth)),
        }
        self.advance(1);
    }

    fn comment(&mut self) {
        let rest = &self.bytes[self.at..self.limit()];
        self.advance(rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()));
    }

    fn word(&mut self) {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
        let word = &self.source[self.at..self.at + length];
        self.advance(length);
        self.word = word;
        if matches!(self.peek(0), b'"' | b'\'') && self.is_prefix(word) {
            self.string(word);
        }
    }

    fn is_prefix(&self, word: &str) -> bool {
        let lower = word.to_ascii_lowercase();
        let known = ["r", "u", "b", "f", "br", "rb", "fr", "rf"].contains(&lower.as_str());
        known || (self.has_templates && ["t", "tr", "rt"].contains(&lower.as_str()))
    }

    /// A literal whose opening quote stands at `at`.
    fn string(&mut self, prefix: &str) {
        self.word = "";
        let byte = self.peek(0);
        let width = if self.peek(1) == byte && self.peek(2) == byte { 3 } else { 1 };
        let has = |letter: char| prefix.contains(letter) || prefix.contains(letter.to_ascii_uppercase());
        self.advance(width);
        let (raw, has_fields) = (has('r'), has('f') || (self.has_templates && has('t')));
        let mut quote = Quote { byte, width, raw, end: None };
        let end = if has_fields && self.quotes_nest { None } else { Some(self.plain_end(quote)) };
        match end {
            Some(end) if !has_fields => self.advance(end + width - self.at),
            _ => {
                quote.end = end;
                self.frames.push(Frame::Text(quote));
            }
        }
    }

    /// Where a literal ends that has no fields: at its quote, the end of its line, or the end of everything.
    fn plain_end(&self, quote: Quote) -> usize {
        let limit = self.limit();
        let mut at = self.at;
        while at < limit {
            match self.bytes[at] {
                b'\\' => at += 1,
                b'\n' if quote.width == 1 => return at,
                byte if byte == quote.byte && self.closes(at, quote) => return at,
                _ => {}
            }
            at += 1;
        }
        limit
    }

    fn closes(&self, at: usize, quote: Quote) -> bool {
        self.bytes[at..].iter().take(quote.width).filter(|byte| **byte == quote.byte).count() == quote.width
    }

    /// Nothing inside an f-string that was cut out reaches beyond it.
    fn limit(&self) -> usize {
        self.frames.last().and_then(|frame| frame.quote().end).unwrap_or(self.bytes.len())
    }

    fn text(&mut self, quote: Quote, is_format: bool) {
        match self.peek(0) {
            b'\\' => self.escape(quote),
            b'{' if self.peek(1) == b'{' && !is_format => self.advance(2),
            b'{' if self.frames.len() < MAXIMUM_DEPTH => {
                self.frames.push(Frame::Field(quote, 0));
                self.advance(1);
            }
            b'}' if is_format => {
                self.frames.pop();
                self.advance(1);
            }
            b'\n' if quote.width == 1 => self.leave(),
            byte if byte == quote.byte && self.closes(self.at, quote) => {
                self.leave();
                self.advance(quote.width);
            }
            _ => self.advance(1),
        }
    }

    /// Gives up the innermost f-string with all its fields.
    fn leave(&mut self) {
        let text = self.frames.iter().rposition(|frame| matches!(frame, Frame::Text(_)));
        self.frames.truncate(text.unwrap_or(0));
    }

    fn escape(&mut self, quote: Quote) {
        let rest = &self.bytes[self.at..];
        if !quote.raw && rest.starts_with(b"\\N{") {
            self.advance(rest.iter().position(|byte| *byte == b'}').map_or(2, |end| end + 1));
        } else if matches!(self.peek(1), b'{' | b'}') {
            self.advance(1);
        } else {
            self.advance(2);
        }
    }

    fn variable(&mut self) {
        let start = self.at;
        let rest = &self.bytes[start + 1..];
        let length = rest.iter().position(|byte| !is_name(*byte)).unwrap_or(rest.len());
        let end = start + 1 + length;
        let touches =
            (start > 0 && is_word(self.bytes[start - 1])) || self.bytes.get(end).is_some_and(|byte| is_word(*byte));
        if length > 0 && !touches {
            let name = &self.source[start + 1..end];
            let is_target = self.frames.is_empty() && (binds_next(self.word) || assigns(&self.source[end..]));
            self.found.push(Token { name, start, line: self.line, is_target });
        }
        self.word = "";
        self.advance(1 + length);
    }
}

/// Part of an identifier or a number; bytes of other characters than ASCII count as letters.
fn is_word(byte: u8) -> bool {
    is_name(byte) || byte >= 0x80
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Keywords that bind the name after them.
fn binds_next(word: &str) -> bool {
    matches!(word, "for" | "as" | "del" | "import" | "global" | "nonlocal" | "def" | "class")
}

/// Whether a plain, augmented or walrus assignment follows.
fn assigns(rest: &str) -> bool {
    const OPERATORS: [&str; 14] =
        ["=", "+=", "-=", "*=", "/=", "%=", "@=", "&=", "|=", "^=", "**=", "//=", ">>=", "<<="];
    let mut rest = rest.trim_start_matches([' ', '\t']);
    while let Some(next) = rest.strip_prefix("\\\n") {
        rest = next.trim_start_matches([' ', '\t']);
    }
    let follows = OPERATORS.iter().any(|operator| rest.starts_with(operator));
    (follows && !rest.starts_with("==")) || rest.starts_with(":=")
}
