//! Executables that may be interpreters, in order of preference.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::settings::DiscoverySettings;

/// Real executables, each once. Shims (scripts) and copies that belong to virtual environments are left out;
/// links, also those of virtual environments, count as what they point to.
pub(super) fn candidates(settings: &DiscoverySettings) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    let named = settings.configured.iter().cloned();
    let on_path = settings.search_path.iter().flat_map(|directory| interpreters_in(directory));
    let pyenv = settings.pyenv_root.iter().flat_map(|root| installations(&root.join("versions")));
    let uv = settings.uv_directory.iter().flat_map(|root| installations(root));
    let all = named.chain(on_path).chain(pyenv).chain(uv);
    all.filter_map(|path| fs::canonicalize(path).ok())
        .filter(|path| is_real(path) && seen.insert(path.clone()))
        .collect()
}

fn interpreters_in(directory: &Path) -> Vec<PathBuf> {
    let mut names: Vec<String> = entries(directory).into_iter().filter(|name| is_interpreter_name(name)).collect();
    names.sort();
    names.into_iter().map(|name| directory.join(name)).collect()
}

fn installations(root: &Path) -> Vec<PathBuf> {
    let mut names = entries(root);
    names.sort();
    names.into_iter().map(|name| root.join(name).join("bin/python3")).collect()
}

fn entries(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

fn is_interpreter_name(name: &str) -> bool {
    let minor = name.strip_prefix("python3").map(|rest| rest.strip_prefix('.').unwrap_or(rest));
    let has_dot = name.starts_with("python3.");
    minor.is_some_and(|minor| minor.bytes().all(|byte| byte.is_ascii_digit()) && minor.is_empty() != has_dot)
}

fn is_real(path: &Path) -> bool {
    is_elf(path) && !belongs_to_virtual_environment(path)
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == *b"\x7fELF"
}

fn belongs_to_virtual_environment(path: &Path) -> bool {
    path.ancestors().skip(1).take(2).any(|directory| directory.join("pyvenv.cfg").exists())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::symlink;

    use super::*;

    fn put(path: &Path, contents: &[u8]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    #[test]
    fn only_names_of_interpreters_count() {
        for name in ["python3", "python3.8", "python3.13"] {
            assert!(is_interpreter_name(name), "{name}");
        }
        for name in ["python", "python2", "python3-config", "python3.11-config", "python3.", "python311", "python3.13t"]
        {
            assert!(!is_interpreter_name(name), "{name}");
        }
    }

    #[test]
    fn shims_copies_and_doubles_are_left_out() {
        let root = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(root.path()).unwrap();
        let elf: &[u8] = b"\x7fELF rest";
        put(&base.join("shims/python3"), b"#!/bin/sh\n");
        put(&base.join("real/python3.12"), elf);
        symlink("python3.12", base.join("real/python3")).unwrap();
        put(&base.join("copied/bin/python3"), elf);
        put(&base.join("copied/pyvenv.cfg"), b"");
        fs::create_dir_all(base.join("linked/bin")).unwrap();
        symlink(base.join("real/python3.12"), base.join("linked/bin/python3")).unwrap();
        put(&base.join("pyenv/versions/3.9.1/bin/python3"), elf);
        let search = ["shims", "real", "copied/bin", "linked/bin", "missing"];
        let settings = DiscoverySettings {
            search_path: search.map(|name| base.join(name)).to_vec(),
            pyenv_root: Some(base.join("pyenv")),
            ..DiscoverySettings::default()
        };
        let expected = ["real/python3.12", "pyenv/versions/3.9.1/bin/python3"];
        assert_eq!(candidates(&settings), expected.map(|name| base.join(name)));
    }

    #[test]
    fn configured_ones_come_first() {
        let root = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(root.path()).unwrap();
        put(&base.join("bin/python3.9"), b"\x7fELF");
        put(&base.join("own/interpreter"), b"\x7fELF");
        let settings = DiscoverySettings {
            configured: vec![base.join("own/interpreter"), base.join("nowhere")],
            search_path: vec![base.join("bin")],
            ..DiscoverySettings::default()
        };
        assert_eq!(candidates(&settings), ["own/interpreter", "bin/python3.9"].map(|name| base.join(name)));
    }
}
