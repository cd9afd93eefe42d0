//! Documents: one tree for each answer, written as JSON or as XML by the rules of contract 1.5.
//!
//! No handler writes JSON or XML itself, so the two can never say different things.

mod format;
mod json;
mod xml;

use std::collections::BTreeMap;

pub(crate) use format::Format;
pub(crate) use json::JsonLayout;

/// A value in a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Number(u64),
    Flag(bool),
    Object(Object),
    List(List),
}

/// Named values. They are kept in alphabetical order because the documented samples have them so.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Object(BTreeMap<&'static str, Value>);

/// Objects of one kind, with the name that one of them has in XML.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct List {
    item: &'static str,
    items: Vec<Object>,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    root: &'static str,
    content: Object,
}

impl Object {
    /// An object without values yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The same with one more value.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.insert(name, value.into());
        self
    }
}

impl List {
    /// A list whose items are called `item` in XML.
    pub(crate) fn new(item: &'static str, items: Vec<Object>) -> Self {
        Self { item, items }
    }
}

impl Document {
    /// A document whose root element is called `root` in XML; JSON has no name for it.
    pub(crate) fn new(root: &'static str, content: Object) -> Self {
        Self { root, content }
    }

    /// Its bytes in `format`, UTF-8.
    pub(crate) fn write(&self, format: Format, layout: JsonLayout) -> Vec<u8> {
        match format {
            Format::Json => json::write(&self.content, layout),
            Format::ApplicationXml | Format::TextXml => xml::write(self.root, &self.content),
        }
    }
}

macro_rules! values {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

values! { String => Text, &str => Text, u64 => Number, bool => Flag, Object => Object, List => List }
