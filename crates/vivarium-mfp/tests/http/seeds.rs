//! The documented samples, and the documents of this server beside them.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::Value;

use super::support::{Call, DEFAULT_NAME, ROOT, Server};

const LIST: &str = include_str!("../seeds/runtimes_get.txt");
const RUNTIME_JSON: &str = include_str!("../seeds/runtime_get.json");
const RUNTIME_XML: &str = include_str!("../seeds/runtime_get.xml");

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).unwrap().1.split_once(end).unwrap().0.trim()
}

/// The sample without its dots and without the commas that JSON does not know.
fn list_json() -> Value {
    let sample = between(LIST, "JSON Example", "XML Example");
    let lines = sample.lines().map(str::trim).filter(|line| *line != "...");
    let mut text: String = lines.collect();
    for (broken, whole) in [(",}", "}"), (",]", "]")] {
        text = text.replace(broken, whole);
    }
    serde_json::from_str(&text).unwrap()
}

fn list_xml() -> String {
    between(LIST, "XML Example", "Response Properties").replace("...", "")
}

/// Keys and types of `ours` are those of `sample`; the values may differ. An empty list says nothing about its items.
fn assert_same_form(sample: &Value, ours: &Value, at: &str) {
    match (sample, ours) {
        (Value::Object(sample), Value::Object(ours)) => {
            assert_eq!(sample.keys().collect::<Vec<_>>(), ours.keys().collect::<Vec<_>>(), "keys at {at}");
            sample.iter().for_each(|(key, value)| assert_same_form(value, &ours[key], &format!("{at}.{key}")));
        }
        (Value::Array(sample), Value::Array(ours)) => {
            ours.iter().for_each(|item| assert_same_form(&sample[0], item, &format!("{at}[]")));
        }
        (sample, ours) => {
            assert_eq!(std::mem::discriminant(sample), std::mem::discriminant(ours), "type at {at}: {sample} {ours}");
        }
    }
}

/// Elements as paths from the root, each with the names of its attributes in their order.
fn outline(xml: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let (mut open, mut lines) = (Vec::<String>::new(), Vec::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) => {
                open.push(element.name().0.to_owned());
                lines.push(describe(&open, &element));
            }
            Event::Empty(element) => {
                open.push(element.name().0.to_owned());
                lines.push(describe(&open, &element));
                open.pop();
            }
            Event::End(_) => drop(open.pop()),
            Event::Eof => return lines,
            _ => {}
        }
    }
}

fn describe(open: &[String], element: &BytesStart<'_>) -> String {
    let attributes = element.attributes().map(|attribute| attribute.unwrap().key.0.to_owned());
    format!("{} [{}]", open.join("/"), attributes.collect::<Vec<_>>().join(" "))
}

#[tokio::test]
async fn the_list_has_keys_and_types_of_the_seed_in_json() {
    let server = Server::new().await;
    server.add_runtime("myruntime", &[]).await;
    let (sample, ours) = (list_json(), server.get("/runtimes?locale=de_DE&mode=db").await.json());
    assert_same_form(&sample, &ours, "$");
    assert_eq!(ours["projects"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_list_has_formats_and_values_of_the_seed() {
    let server = Server::new().await;
    server.add_runtime("myruntime", &[]).await;
    let sample = list_json()["projects"][0].clone();
    let call = Call::get("/runtimes").header("host", "www.example.com");
    let mut ours = server.send(call).await.project("myruntime");
    // The sample was made over TLS.
    ours["link"] = ours["link"].as_str().unwrap().replace("http://", "https://").into();
    assert_eq!(ours, sample);
}

#[tokio::test]
async fn the_list_has_elements_and_attributes_of_the_seed_in_xml() {
    let server = Server::new().await;
    for types in ["application/xml", "text/xml"] {
        let ours = server.send(Call::get("/runtimes").accept(types)).await.text;
        assert_eq!(outline(&ours), outline(&list_xml()));
        let declaration = list_xml().lines().next().unwrap().to_owned();
        assert_eq!(ours.lines().next().unwrap(), declaration);
    }
}

#[tokio::test]
async fn the_runtime_has_keys_and_types_of_the_contract_in_json() {
    let server = Server::new().await;
    let mut ours = server.get("/runtimes/%28Default%29%20Vivarium").await.json();
    // The sample shows one of the four settings that contract 2.2 lists.
    let settings = ours["runtimeInfo"]["security"].as_object_mut().unwrap();
    for name in ["activityUpdateThresholdSec", "externalAZIntrospectionURL", "externalAZSharedSecret"] {
        let setting = settings.remove(name).unwrap();
        assert!(setting["defaultValue"].is_string() && setting["type"].is_string(), "{name}: {setting}");
    }
    assert_same_form(&serde_json::from_str(RUNTIME_JSON).unwrap(), &ours, "$");
}

#[tokio::test]
async fn the_runtime_has_elements_and_attributes_of_the_contract_in_xml() {
    let server = Server::new().await;
    let ours = server.send(Call::get("/runtimes/%28Default%29%20Vivarium").accept("text/xml")).await.text;
    let beside = |line: &String| {
        !line.contains("AZ") && !line.contains("activityUpdate") && !line.contains("confidentialClient ")
    };
    let ours: Vec<String> = outline(&ours).into_iter().filter(beside).collect();
    let sample: Vec<String> = outline(RUNTIME_XML).into_iter().filter(beside).collect();
    assert_eq!(ours, sample);
}

#[tokio::test]
async fn the_calls_of_known_clients_are_answered() {
    let server = Server::new().await;
    let names = server.send(Call::get("/runtimes").accept("application/json")).await.names();
    assert_eq!(names, [DEFAULT_NAME]);
    let link = server.get("/runtimes?locale=de_DE&mode=db").await.project(DEFAULT_NAME)["link"].clone();
    assert!(link.as_str().unwrap().contains(ROOT), "{link}");
}
