//! The documents of this server beside the published samples: the same keys in the same order, types and formats.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::json;

use crate::kit::Server;

/// JSON with the order of its keys.
#[derive(Debug, Clone, PartialEq)]
enum Ordered {
    Object(Vec<(String, Ordered)>),
    Array(Vec<Ordered>),
    Text(String),
    Number,
    Flag,
}

impl<'text> Deserialize<'text> for Ordered {
    fn deserialize<D: Deserializer<'text>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'text> Visitor<'text> for Reader {
            type Value = Ordered;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("JSON without null")
            }
            fn visit_bool<E>(self, _: bool) -> Result<Ordered, E> {
                Ok(Ordered::Flag)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Ordered, E> {
                Ok(Ordered::Number)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Ordered, E> {
                Ok(Ordered::Number)
            }
            fn visit_str<E>(self, text: &str) -> Result<Ordered, E> {
                Ok(Ordered::Text(text.to_owned()))
            }
            fn visit_seq<S: SeqAccess<'text>>(self, mut seq: S) -> Result<Ordered, S::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Ordered::Array(items))
            }
            fn visit_map<M: MapAccess<'text>>(self, mut map: M) -> Result<Ordered, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered::Object(entries))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Keys that this server adds to the samples.
const ADDED: [&str; 9] = [
    "whitelist",
    "resource",
    "executionTarget",
    "stopped",
    "instanceMode",
    "installedVersion",
    "disk",
    "procCount",
    "message",
];

/// Asserts that `ours` has every key of `sample` in its order, with the same type and format, and no unknown other one.
fn compare(sample: &Ordered, ours: &Ordered, path: &str) {
    match (sample, ours) {
        (Ordered::Object(sample), Ordered::Object(ours)) => {
            let known: Vec<_> = ours.iter().filter(|(key, _)| sample.iter().any(|(name, _)| name == key)).collect();
            let names = |keys: &[&(String, Ordered)]| keys.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
            assert_eq!(names(&known), names(&sample.iter().collect::<Vec<_>>()), "keys of {path}");
            for (key, _) in ours.iter().filter(|(key, _)| !sample.iter().any(|(name, _)| name == key)) {
                assert!(ADDED.contains(&key.as_str()), "{path} has the unknown key {key}");
            }
            for ((key, sample), (_, ours)) in sample.iter().zip(known) {
                compare(sample, ours, &format!("{path}.{key}"));
            }
        }
        (Ordered::Array(sample), Ordered::Array(ours)) => {
            assert!(!ours.is_empty(), "{path} is empty, so there is nothing to compare");
            for (index, item) in ours.iter().enumerate() {
                compare(&sample[index.min(sample.len() - 1)], item, &format!("{path}[{index}]"));
            }
        }
        (Ordered::Text(sample), Ordered::Text(ours)) => {
            assert_eq!(format_of(ours), format_of(sample), "{path}: {ours}");
        }
        _ => assert_eq!(std::mem::discriminant(sample), std::mem::discriminant(ours), "type of {path}"),
    }
}

/// What a text looks like: an id, a date, or just a text.
fn format_of(text: &str) -> &'static str {
    let upper_hex = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    if text.len() == 32 && text.bytes().all(upper_hex) {
        "id"
    } else if shape == "9999-99-99T99:99:99.999+9999" && text.ends_with("+0000") {
        "date"
    } else {
        "text"
    }
}

#[tokio::test]
async fn the_list_of_runtimes_is_like_the_published_one() {
    let server = Server::new().await;
    let client = server.administrator().await;
    client.runtime(json!({"name": "x", "packages": [{"name": "mstrio-py", "version": "11.3.6.103"}]})).await;
    let ours = client
        .get("/runtimes")
        .await
        .text
        .replace(r#""packages":[]"#, r#""packages":[{"name":"","version":"","description":"","status":""}]"#);
    let sample = serde_json::from_str(include_str!("../seeds/list-runtimes.json")).unwrap();
    compare(&sample, &serde_json::from_str(&ours).unwrap(), "runtimes");
}

#[tokio::test]
async fn a_runtime_with_a_missing_package_is_like_the_published_one() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let definition = json!({
        "name": "Test Runtime Modified", "description": "string", "whitelist": ["", "10.0.0.0/8"],
        "packages": [{"name": "no-such-string", "description": "string"}], "resource": {"cpu": "0.2", "mem": 512},
        "runtimeVersion": "3.11.9", "others": "string", "minCachedInstances": 2, "maxCachedInstances": 5
    });
    let id = client.runtime(definition).await;
    let ours = client.get(&format!("/runtimes/{id}")).await.text;
    let sample = serde_json::from_str(include_str!("../seeds/get-runtime.json")).unwrap();
    compare(&sample, &serde_json::from_str(&ours).unwrap(), "runtime");
}
