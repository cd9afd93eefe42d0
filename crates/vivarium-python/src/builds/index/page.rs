//! Pages of an index in the two forms of PEP 503 (HTML) and PEP 691 (JSON).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use url::Url;

/// What a page lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// What its addresses are relative to.
    pub(super) base: Url,
    pub(super) files: Vec<PageFile>,
}

/// One file on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PageFile {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) sha256: Option<String>,
    pub(super) requires_python: Option<String>,
    pub(super) yanked: bool,
}

#[derive(Deserialize)]
struct Document {
    files: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
    #[serde(rename = "requires-python")]
    requires_python: Option<String>,
    /// `true`, or the reason as a text.
    #[serde(default)]
    yanked: Value,
}

/// Reads the JSON form.
pub(super) fn from_json(text: &str) -> Result<Vec<PageFile>, serde_json::Error> {
    let document: Document = serde_json::from_str(text)?;
    let file = |entry: Entry| PageFile {
        name: entry.filename,
        address: entry.url,
        sha256: entry.hashes.get("sha256").cloned(),
        requires_python: entry.requires_python,
        yanked: !matches!(entry.yanked, Value::Null | Value::Bool(false)),
    };
    Ok(document.files.into_iter().map(file).collect())
}

/// Reads the HTML form: its anchors, whatever stands around them.
pub(super) fn from_html(text: &str) -> Vec<PageFile> {
    let starts = text.match_indices('<').map(|(at, _)| &text[at + 1..]);
    let anchors = starts.filter_map(|tag| tag.strip_prefix(['a', 'A']));
    anchors.filter(|tag| tag.starts_with(char::is_whitespace)).filter_map(|tag| anchor(&attributes(tag))).collect()
}

fn anchor(attributes: &BTreeMap<String, String>) -> Option<PageFile> {
    let address = attributes.get("href")?;
    let (path, fragment) = address.split_once('#').unwrap_or((address, ""));
    let name = path.split('?').next()?.rsplit('/').next()?;
    Some(PageFile {
        name: percent_decoded(name),
        address: path.to_owned(),
        sha256: fragment.split('&').find_map(|part| part.strip_prefix("sha256=")).map(str::to_owned),
        requires_python: attributes.get("data-requires-python").cloned(),
        yanked: attributes.contains_key("data-yanked"),
    })
}

/// `%2B` for the plus sign of local versions is what occurs in names of files.
fn percent_decoded(name: &str) -> String {
    name.replace("%2B", "+").replace("%2b", "+").replace("%21", "!")
}

/// The attributes of a tag up to its end; names in small letters.
fn attributes(tag: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = tag.trim_start();
    while !rest.is_empty() && !rest.starts_with('>') {
        let end = rest.find(|character: char| "=>".contains(character) || character.is_whitespace());
        let (name, tail) = rest.split_at(end.unwrap_or(rest.len()));
        let tail = tail.trim_start();
        let (value, tail) = tail.strip_prefix('=').map_or(("", tail), |tail| value(tail.trim_start()));
        if !name.is_empty() {
            found.insert(name.to_ascii_lowercase(), unescaped(value));
        }
        rest = tail.trim_start();
    }
    found
}

/// The value at the start of the text, and what follows it.
fn value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote) {
            return inner.split_once(quote).unwrap_or((inner, ""));
        }
    }
    let end = text.find(|character: char| character == '>' || character.is_whitespace());
    text.split_at(end.unwrap_or(text.len()))
}

fn unescaped(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let html = "<!DOCTYPE html><abbr x=1></abbr><br/>\n<A class=x HREF='../a-1%2Bb.tar.gz#egg=a&amp;sha256=00ff' \
                    data-requires-python=\"&gt;=3.8,&lt;4\">a</A><a href=\"b\" data-yanked>b</a>";
        let json = r#"{"meta": {}, "files": [
            {"filename": "a-1+b.tar.gz", "url": "../a-1%2Bb.tar.gz", "hashes": {"sha256": "00ff", "md5": "1"},
             "requires-python": ">=3.8,<4", "yanked": false},
            {"filename": "b", "url": "b", "yanked": "broken"}]}"#;
        let found = from_html(html);
        assert_eq!(found, from_json(json).unwrap());
        assert_eq!(found[0].requires_python.as_deref(), Some(">=3.8,<4"));
        assert!(found[1].yanked);
    }

    #[test]
    fn nonsense_lists_nothing() {
        for text in ["", "<", "<a", "<a ", "<a href", "<a href=", "<a name=x>", "<a ='x'=>", "<a =", "<a href='"] {
            assert!(from_html(text).iter().all(|file| file.name.is_empty()), "{text}");
        }
        assert!(from_json("{}").is_err());
    }
}
