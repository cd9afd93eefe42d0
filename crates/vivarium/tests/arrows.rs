//! The arrows of docs/architecture.md: who may know whom, which libraries stay at their place, and where `unsafe` stands.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Each crate of the workspace with those that it may know, and those that its tests may know beside them.
const MAY_KNOW: &[(&str, &[&str], &[&str])] = &[
    ("vivarium-domain", &[], &["vivarium-testkit"]),
    ("vivarium-store", &["vivarium-domain"], &["vivarium-testkit"]),
    ("vivarium-sandbox", &[], &[]),
    ("vivarium-python", &["vivarium-domain", "vivarium-sandbox"], &["vivarium-testkit"]),
    ("vivarium-http", &["vivarium-domain"], &["vivarium-testkit"]),
    ("vivarium-strategy", &["vivarium-domain", "vivarium-http"], &["vivarium-testkit"]),
    ("vivarium-mfp", &["vivarium-domain", "vivarium-http"], &["vivarium-testkit"]),
    ("vivarium-testkit", &["vivarium-domain"], &[]),
    (
        "vivarium",
        &[
            "vivarium-domain",
            "vivarium-store",
            "vivarium-sandbox",
            "vivarium-python",
            "vivarium-http",
            "vivarium-strategy",
            "vivarium-mfp",
        ],
        &["vivarium-testkit"],
    ),
];

/// Libraries that only some crates may know, outside their tests: SQL, HTTP and system calls stay with their adapters.
const AT_THEIR_PLACE: &[(&str, &[&str])] = &[
    ("sqlx", &["vivarium-store"]),
    ("axum", &["vivarium-http", "vivarium-strategy", "vivarium-mfp", "vivarium"]),
    ("http", &["vivarium-http", "vivarium-strategy", "vivarium-mfp", "vivarium"]),
    ("hyper", &["vivarium-http"]),
    ("ureq", &["vivarium", "vivarium-python"]),
    ("clap", &["vivarium"]),
    ("rustix", &["vivarium-sandbox", "vivarium-python", "vivarium"]),
    ("libc", &["vivarium-sandbox"]),
    ("quick-xml", &["vivarium-mfp"]),
];

/// The one place of `unsafe`.
const UNSAFE_PLACE: &str = "vivarium-sandbox/src/sys";

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Name, dependencies and dependencies of tests only, for each crate of the workspace.
fn packages() -> Vec<(String, BTreeSet<String>, BTreeSet<String>)> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).current_dir(crates());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names = |package: &Value, tests: bool| {
        let all = package["dependencies"].as_array().unwrap().clone();
        let of_kind = all.into_iter().filter(|dependency| (dependency["kind"] == "dev") == tests);
        of_kind.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect()
    };
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| (package["name"].as_str().unwrap().to_owned(), names(package, false), names(package, true)))
        .collect()
}

#[test]
fn no_arrow_between_crates_bends() {
    let packages = packages();
    let known: BTreeSet<_> = packages.iter().map(|(name, ..)| name.clone()).collect();
    let listed: BTreeSet<_> = MAY_KNOW.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(known, listed, "the table of crates is not that of the workspace");
    for (name, dependencies, test_dependencies) in &packages {
        let (_, allowed, allowed_in_tests) = MAY_KNOW.iter().find(|(listed, ..)| listed == name).unwrap();
        for dependency in dependencies.intersection(&known) {
            assert!(allowed.contains(&dependency.as_str()), "`{name}` must not know `{dependency}`");
        }
        for dependency in test_dependencies.intersection(&known) {
            let fine = [allowed, allowed_in_tests].iter().any(|list| list.contains(&dependency.as_str()));
            assert!(fine, "the tests of `{name}` must not know `{dependency}`");
        }
    }
}

#[test]
fn sql_http_and_system_calls_stay_with_their_adapters() {
    for (name, dependencies, _) in packages() {
        for (library, places) in AT_THEIR_PLACE {
            let fine = !dependencies.contains(*library) || places.contains(&name.as_str());
            assert!(fine, "`{name}` must not know the library `{library}`");
        }
    }
}

#[test]
fn unsafe_has_one_address() {
    let mut files = Vec::new();
    collect_sources(&crates(), &mut files);
    assert!(files.len() > 100, "the sources were not found");
    let place = crates().join(UNSAFE_PLACE);
    let (inside, outside): (Vec<_>, Vec<_>) = files.into_iter().partition(|path| path.starts_with(&place));
    let is_unsafe = |path: &PathBuf| words(&std::fs::read_to_string(path).unwrap()).iter().any(|word| word == "unsafe");
    assert!(inside.iter().any(is_unsafe), "the scan finds nothing where there must be something");
    let found: Vec<_> = outside.iter().filter(|path| is_unsafe(path)).collect();
    assert!(found.is_empty(), "`unsafe` stands outside `{UNSAFE_PLACE}`: {found:?}");
}

#[test]
fn the_environment_is_read_in_one_place() {
    let mut files = Vec::new();
    collect_sources(&crates(), &mut files);
    let in_sources = |path: &&PathBuf| path.components().any(|part| part.as_os_str() == "src");
    let reads = |path: &&PathBuf| {
        let words = words(&std::fs::read_to_string(path).unwrap());
        words
            .windows(2)
            .any(|pair| pair[0] == "env" && matches!(pair[1].as_str(), "var" | "vars" | "var_os" | "vars_os"))
    };
    let found: Vec<_> = files.iter().filter(in_sources).filter(reads).collect();
    assert_eq!(found, [&crates().join("vivarium/src/main.rs")]);
}

fn collect_sources(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().unwrap() != "target" {
            collect_sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The identifiers and keywords of a source, without those in comments and literals.
fn words(source: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let skipped = skip_comment(rest).or_else(|| skip_text(rest)).or_else(|| skip_character(rest));
        if let Some(after) = skipped {
            rest = after;
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            rest = &rest[end..];
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    words
}

fn skip_comment(source: &str) -> Option<&str> {
    if source.starts_with("//") {
        return Some(source.find('\n').map_or("", |end| &source[end..]));
    }
    let mut rest = source.strip_prefix("/*")?;
    let mut depth = 1;
    while depth > 0 && !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("/*") {
            (depth, rest) = (depth + 1, after);
        } else if let Some(after) = rest.strip_prefix("*/") {
            (depth, rest) = (depth - 1, after);
        } else {
            rest = &rest[rest.chars().next()?.len_utf8()..];
        }
    }
    Some(rest)
}

/// `"..."`, `r#"..."#`, and both with `b` or `c` in front.
fn skip_text(source: &str) -> Option<&str> {
    let body = source.strip_prefix(['b', 'c']).unwrap_or(source);
    if let Some(raw) = body.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let text = raw[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(text.find(&end).map_or("", |at| &text[at + end.len()..]));
    }
    let text = body.strip_prefix('"')?;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' if !escaped => return Some(&text[at + 1..]),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    Some("")
}

/// `'x'` and `'\n'`, but no lifetime.
fn skip_character(source: &str) -> Option<&str> {
    let body = source.strip_prefix('\'')?;
    if let Some(escape) = body.strip_prefix('\\') {
        let end = escape.char_indices().skip(1).find(|(_, character)| *character == '\'')?.0;
        return Some(&escape[end + 1..]);
    }
    body[body.chars().next()?.len_utf8()..].strip_prefix('\'')
}

#[test]
fn the_scan_reads_code_and_nothing_else() {
    let source = r####"
        // unsafe
        /* unsafe /* unsafe */ unsafe */
        fn f<'a>(x: &'a str) { let c = ['"', '\'', '\u{41}']; g("unsafe \" unsafe", r#"unsafe " unsafe"#, b"unsafe"); }
        #![allow(unsafe_code)]
        after
    "####;
    let words = words(source);
    assert!(!words.contains(&"unsafe".to_owned()), "{words:?}");
    assert!(words.contains(&"after".to_owned()) && words.contains(&"unsafe_code".to_owned()), "{words:?}");
    assert!(self::words("fn f() { unsafe { g() } }").contains(&"unsafe".to_owned()));
}
