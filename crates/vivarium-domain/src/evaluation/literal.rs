//! Reads Python literals: what `str()` of a list of texts and numbers looks like (Strategy contract 7.1).

use serde_json::{Number, Value};

/// The value of `text` if it is a Python literal made of lists, tuples, texts, numbers, `None`, `True` and `False`.
pub(super) fn parse_python_literal(text: &str) -> Option<Value> {
    let mut reader = Reader { rest: text };
    let value = reader.value(0)?;
    reader.skip_blanks();
    reader.rest.is_empty().then_some(value)
}

/// Deeper nesting is refused, so that a hostile text cannot exhaust the stack.
const MAX_DEPTH: usize = 32;

struct Reader<'text> {
    rest: &'text str,
}

impl Reader<'_> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip_blanks();
        let found = self.rest.strip_prefix(token);
        if let Some(rest) = found {
            self.rest = rest;
        }
        found.is_some()
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.skip_blanks();
        match self.rest.chars().next()? {
            '[' => self.list('[', ']', depth),
            '(' => self.list('(', ')', depth),
            '\'' | '"' => self.text().map(Value::String),
            _ => self.word(),
        }
    }

    fn list(&mut self, open: char, close: char, depth: usize) -> Option<Value> {
        if depth >= MAX_DEPTH || !self.take(open.encode_utf8(&mut [0; 4])) {
            return None;
        }
        let mut end = [0; 4];
        let end: &str = close.encode_utf8(&mut end);
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(self.value(depth + 1)?);
            if !self.take(",") {
                return self.take(end).then_some(Value::Array(items));
            }
        }
        Some(Value::Array(items))
    }

    fn word(&mut self) -> Option<Value> {
        let end = self.rest.find([',', ']', ')']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word.trim() {
            "None" => Some(Value::Null),
            "True" => Some(Value::Bool(true)),
            "False" => Some(Value::Bool(false)),
            number => number
                .parse::<i64>()
                .map(Value::from)
                .ok()
                .or_else(|| Number::from_f64(number.parse().ok()?).map(Value::Number)),
        }
    }

    fn text(&mut self) -> Option<String> {
        let mut characters = self.rest.char_indices();
        let (_, quote) = characters.next()?;
        let mut text = String::new();
        while let Some((index, character)) = characters.next() {
            match character {
                '\\' => text.push(escape(&mut characters)?),
                end if end == quote => {
                    self.rest = &self.rest[index + end.len_utf8()..];
                    return Some(text);
                }
                '\n' => return None,
                other => text.push(other),
            }
        }
        None
    }
}

/// The escapes that `repr()` writes.
fn escape(characters: &mut std::str::CharIndices<'_>) -> Option<char> {
    let digits = match characters.next()?.1 {
        'n' => return Some('\n'),
        'r' => return Some('\r'),
        't' => return Some('\t'),
        same @ ('\\' | '\'' | '"') => return Some(same),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => return None,
    };
    let code: String = characters.take(digits).map(|(_, digit)| digit).collect();
    if code.len() != digits {
        return None;
    }
    char::from_u32(u32::from_str_radix(&code, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_python_writes_is_read() {
        for (text, value) in [
            ("['p', 'q']", json!(["p", "q"])),
            ("[1, 2.5, -3]", json!([1, 2.5, -3])),
            (r#"["it's", 'q"x']"#, json!(["it's", "q\"x"])),
            (r"['a\\b\n\x07\u2028', None, True]", json!(["a\\b\n\u{7}\u{2028}", null, true])),
            ("('a',)", json!(["a"])),
            ("[]", json!([])),
        ] {
            assert_eq!(parse_python_literal(text), Some(value), "{text}");
        }
    }

    #[test]
    fn code_is_not_a_literal() {
        for text in [
            "__import__('os')",
            "['a'",
            "['a' 'b']",
            "[1,,2]",
            "{'a': 1}",
            "'a' + 'b'",
            "[nan]",
            &"[".repeat(100_000),
            "['\\",
            "",
        ] {
            assert_eq!(parse_python_literal(text), None, "{}", &text[..text.len().min(20)]);
        }
    }
}
