//! Documents as XML 1.0: scalars are attributes, objects and lists are elements (contract 1.5).

use std::borrow::Cow;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, Event};

use super::{List, Object, Value};

pub(super) fn write(root: &str, content: &Object) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    declaration(&mut writer)
        .and_then(|()| element(&mut writer, root, content))
        .expect("writing into memory does not fail");
    writer.into_inner()
}

fn declaration(writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer.get_mut().push(b'\n');
    Ok(())
}

fn element(writer: &mut Writer<Vec<u8>>, name: &str, object: &Object) -> io::Result<()> {
    let attributes = object.0.iter().filter_map(|(name, value)| Some((*name, attribute(value)?)));
    let element = writer.create_element(name).with_attributes(attributes);
    if object.0.values().all(|value| attribute(value).is_some()) {
        return element.write_empty().map(drop);
    }
    element.write_inner_content(|writer| children(writer, object)).map(drop)
}

fn children(writer: &mut Writer<Vec<u8>>, object: &Object) -> io::Result<()> {
    for (name, value) in &object.0 {
        match value {
            Value::Object(child) => element(writer, name, child)?,
            Value::List(items) => list(writer, name, items)?,
            Value::Text(_) | Value::Number(_) | Value::Flag(_) => {}
        }
    }
    Ok(())
}

fn list(writer: &mut Writer<Vec<u8>>, name: &str, list: &List) -> io::Result<()> {
    let wrapper = writer.create_element(name);
    if list.items.is_empty() {
        return wrapper.write_empty().map(drop);
    }
    wrapper
        .write_inner_content(|writer| list.items.iter().try_for_each(|item| element(writer, list.item, item)))
        .map(drop)
}

fn attribute(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(allowed(text)),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Flag(flag) => Some(if *flag { "true" } else { "false" }.into()),
        Value::Object(_) | Value::List(_) => None,
    }
}

/// The text with a replacement mark for each character that XML 1.0 cannot hold in any way (its production `Char`).
/// Messages of installers may carry such characters; names cannot.
fn allowed(text: &str) -> Cow<'_, str> {
    let forbidden =
        |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(forbidden) { text.replace(forbidden, "\u{fffd}").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use quick_xml::Reader;
    use quick_xml::events::Event;

    use super::*;

    const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

    fn written(content: &Object) -> String {
        let text = String::from_utf8(write("r", content)).unwrap();
        text.strip_prefix(DECLARATION).unwrap().to_owned()
    }

    #[test]
    fn scalars_are_attributes_and_the_rest_are_elements_in_alphabetical_order() {
        let inner = Object::new().with("n", 7);
        let content = Object::new()
            .with("z", true)
            .with("items", List::new("item", vec![inner.clone(), inner]))
            .with("empty", Object::new())
            .with("a", "x")
            .with("none", List::new("one", Vec::new()));
        let expected = r#"<r a="x" z="true"><empty/><items><item n="7"/><item n="7"/></items><none/></r>"#;
        assert_eq!(written(&content), expected);
    }

    #[test]
    fn a_reader_gets_back_every_text_that_xml_can_hold() {
        let text = "a<b>&\"'\n\t\r ü\u{1F600}\u{85}\u{2028}]]>&amp;";
        let xml = written(&Object::new().with("t", text));
        let mut reader = Reader::from_str(&xml);
        let Event::Empty(element) = reader.read_event().unwrap() else { panic!("{xml}") };
        let attribute = element.attributes().next().unwrap().unwrap();
        assert_eq!(quick_xml::escape::unescape(&attribute.value).unwrap(), text);
        assert!(!xml.contains(['\n', '\t', '\r']), "a reader would turn them into spaces: {xml}");
    }

    #[test]
    fn characters_that_xml_cannot_hold_are_replaced() {
        let xml = written(&Object::new().with("t", "a\0b\u{1b}[31mc\u{ffff}\u{fffe}\u{c}"));
        assert_eq!(xml, "<r t=\"a\u{fffd}b\u{fffd}[31mc\u{fffd}\u{fffd}\u{fffd}\"/>");
    }
}
