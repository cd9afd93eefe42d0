//! The CPythons of this node: found, probed once, never run with rights of their own.

mod candidates;
mod footprint;
mod probe;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures::future::join_all;
use vivarium_domain::ports::Interpreter;
use vivarium_domain::runtime::PythonVersion;

pub(crate) use footprint::{Footprint, HostPath};

use crate::settings::DiscoverySettings;
use probe::Answer;

/// An interpreter that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installation {
    pub(crate) version: PythonVersion,
    pub(crate) executable: PathBuf,
    /// Suffix of extension modules: names the binary interface.
    pub(crate) extension_suffix: String,
    pub(crate) footprint: Footprint,
}

impl Installation {
    fn new(executable: PathBuf, answer: &Answer) -> Self {
        let footprint = Footprint::of(&executable, answer);
        let extension_suffix = answer.extension_suffix.clone();
        Self { version: answer.version(), executable, extension_suffix, footprint }
    }

    /// What an environment depends on: byte-code, extension modules, the first line of console scripts.
    pub(crate) fn identity(&self) -> String {
        format!("{}\n{}\n{}\n", self.version, self.extension_suffix, self.executable.display())
    }
}

/// All interpreters of the node, by version.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interpreters {
    by_version: BTreeMap<PythonVersion, Installation>,
}

impl Interpreters {
    /// Looks for interpreters and probes each. A broken one is logged and left out.
    pub(crate) async fn discover(settings: &DiscoverySettings) -> Self {
        let candidates = candidates::candidates(settings);
        let answers = join_all(candidates.iter().map(|path| probe::probe(path))).await;
        let mut found = Self::default();
        for (executable, answer) in candidates.into_iter().zip(answers) {
            match answer {
                Ok(answer) => found.add(executable, &answer),
                Err(error) => {
                    tracing::info!(executable = %executable.display(), %error, "an interpreter is left out");
                }
            }
        }
        found
    }

    fn add(&mut self, executable: PathBuf, answer: &Answer) {
        if self.by_version.contains_key(&answer.version()) {
            return;
        }
        warn_if_slow(&executable, answer);
        self.by_version.insert(answer.version(), Installation::new(executable, answer));
    }

    /// The newest version first.
    pub(crate) fn list(&self) -> Vec<Interpreter> {
        let newest_first = self.by_version.values().rev();
        newest_first.map(|found| Interpreter { version: found.version, executable: found.executable.clone() }).collect()
    }

    /// The newest that is `wanted`, which is `X.Y` or `X.Y.Z`.
    pub(crate) fn newest(&self, wanted: &str) -> Option<&Installation> {
        self.by_version.values().rev().find(|found| found.version.satisfies(wanted))
    }

    pub(crate) fn exact(&self, version: PythonVersion) -> Option<&Installation> {
        self.by_version.get(&version)
    }

    /// Every installation, the newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Installation> {
        self.by_version.values().rev()
    }

    /// Says what there is instead of `wanted`.
    pub(crate) fn missing(&self, wanted: &str) -> String {
        let versions: Vec<String> = self.by_version.keys().rev().map(ToString::to_string).collect();
        if versions.is_empty() {
            return format!("no Python {wanted} on this node, nor any other; hint: install CPython 3.8 or later");
        }
        format!("no Python {wanted} on this node; available are {}", versions.join(", "))
    }
}

/// Instances see the standard library read-only, so they would compile every module anew.
fn warn_if_slow(executable: &Path, answer: &Answer) {
    if !answer.byte_compiled {
        let executable = executable.display();
        tracing::warn!(%executable, "its standard library is not byte-compiled: every evaluation starts more slowly; \
            hint: run `python3 -m compileall` on it");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::probe::tests::answer;
    use super::*;

    fn three() -> Interpreters {
        let mut found = Interpreters::default();
        for (path, version) in [("/a", [3, 11, 2]), ("/b", [3, 11, 10]), ("/c", [3, 11, 2]), ("/d", [3, 9, 1])] {
            found.add(path.into(), &Answer { version, ..answer() });
        }
        found
    }

    #[test]
    fn each_version_is_there_once_and_the_newest_patch_is_meant() {
        let found = three();
        let listed: Vec<_> = found.list().into_iter().map(|one| (one.version.to_string(), one.executable)).collect();
        let expected = [("3.11.10", "/b"), ("3.11.2", "/a"), ("3.9.1", "/d")];
        assert_eq!(listed, expected.map(|(version, path)| (version.to_owned(), PathBuf::from(path))));
        assert_eq!(found.newest("3.11").unwrap().executable, Path::new("/b"));
        assert_eq!(found.newest("3.11.2").unwrap().executable, Path::new("/a"));
        assert!(found.newest("3.12").is_none());
    }

    #[test]
    fn a_missing_version_names_what_there_is() {
        assert_eq!(three().missing("3.12"), "no Python 3.12 on this node; available are 3.11.10, 3.11.2, 3.9.1");
        assert!(Interpreters::default().missing("3.12").contains("nor any other"));
    }
}
