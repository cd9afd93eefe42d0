//! Asks an executable what interpreter it is.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use vivarium_domain::runtime::PythonVersion;

const PROBE: &str = include_str!("probe.py");

/// A healthy interpreter answers in a tenth of a second, from a cold disk in a few.
const PROBE_TIME: Duration = Duration::from_secs(20);

/// The oldest minor version of Python 3 that instances know how to start.
const OLDEST_MINOR: u16 = 8;

/// What `probe.py` prints.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Answer {
    pub(crate) implementation: String,
    pub(crate) version: [u16; 3],
    pub(crate) release: bool,
    pub(crate) prefix: PathBuf,
    pub(crate) standard_library: Vec<PathBuf>,
    pub(crate) search_path: Vec<PathBuf>,
    pub(crate) extension_suffix: String,
    pub(crate) libraries: Vec<PathBuf>,
    pub(crate) loader: Option<PathBuf>,
    pub(crate) byte_compiled: bool,
}

impl Answer {
    pub(crate) fn version(&self) -> PythonVersion {
        let [major, minor, patch] = self.version;
        PythonVersion { major, minor, patch }
    }
}

/// Why an executable is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProbeError {
    #[error("cannot start it: {0}")]
    Start(#[source] std::io::Error),
    #[error("it gave no answer within {} s", PROBE_TIME.as_secs())]
    Silent,
    #[error("it failed: {0}")]
    Failed(String),
    #[error("its answer makes no sense: {0}")]
    Answer(#[source] serde_json::Error),
    #[error("it is {0}, not CPython")]
    NotCPython(String),
    #[error("it is a prerelease")]
    Prerelease,
    #[error("it is {0}, older than 3.{OLDEST_MINOR}")]
    TooOld(PythonVersion),
}

pub(crate) async fn probe(executable: &Path) -> Result<Answer, ProbeError> {
    let mut command = Command::new(executable);
    command.args(["-I", "-S", "-c", PROBE]).env_clear().stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PROBE_TIME, command.output()).await;
    let output = output.map_err(|_| ProbeError::Silent)?.map_err(ProbeError::Start)?;
    if !output.status.success() {
        let talk = String::from_utf8_lossy(&output.stderr);
        let last = talk.lines().last().unwrap_or("it said nothing");
        return Err(ProbeError::Failed(format!("{}: {last}", output.status)));
    }
    check(serde_json::from_slice(&output.stdout).map_err(ProbeError::Answer)?)
}

fn check(answer: Answer) -> Result<Answer, ProbeError> {
    let version = answer.version();
    if answer.implementation != "cpython" {
        return Err(ProbeError::NotCPython(answer.implementation));
    }
    if !answer.release {
        return Err(ProbeError::Prerelease);
    }
    if (version.major, version.minor) < (3, OLDEST_MINOR) {
        return Err(ProbeError::TooOld(version));
    }
    Ok(answer)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    pub(crate) fn answer() -> Answer {
        Answer {
            implementation: "cpython".to_owned(),
            version: [3, 11, 2],
            release: true,
            prefix: "/usr".into(),
            standard_library: vec!["/usr/lib/python3.11".into()],
            search_path: vec!["/usr/lib/python311.zip".into(), "/usr/lib/python3.11".into()],
            extension_suffix: ".cpython-311-x86_64-linux-gnu.so".to_owned(),
            libraries: Vec::new(),
            loader: None,
            byte_compiled: true,
        }
    }

    #[test]
    fn what_instances_cannot_use_is_refused() {
        assert!(check(answer()).is_ok());
        assert!(matches!(check(Answer { version: [3, 7, 9], ..answer() }), Err(ProbeError::TooOld(_))));
        assert!(matches!(check(Answer { release: false, ..answer() }), Err(ProbeError::Prerelease)));
        let other = Answer { implementation: "pypy".to_owned(), ..answer() };
        assert_eq!(check(other).unwrap_err().to_string(), "it is pypy, not CPython");
    }

    #[tokio::test]
    async fn what_is_no_interpreter_is_an_error_not_a_hang() {
        assert!(matches!(probe(Path::new("/nonexistent/python3")).await, Err(ProbeError::Start(_))));
        assert!(matches!(probe(Path::new("/bin/false")).await, Err(ProbeError::Failed(_))));
        assert!(matches!(probe(Path::new("/bin/true")).await, Err(ProbeError::Answer(_))));
    }
}
