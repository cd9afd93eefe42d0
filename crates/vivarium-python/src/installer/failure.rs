//! What an installer says when it fails, made fit for people: no colours, no secrets, no paths of this machine.

use std::path::Path;

use super::command::Finished;

const MAXIMUM_LINES: usize = 10;
const MAXIMUM_CHARACTERS: usize = 2000;

/// Why packages could not be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The installer's exit code.
    pub(crate) code: i32,
    /// A few lines.
    pub(crate) reason: String,
    /// It would have failed with any package: the index cannot be reached.
    pub(crate) general: bool,
    /// It may go away by itself, so it is not remembered.
    pub(crate) transient: bool,
}

impl Failure {
    /// A failure that has nothing to do with a package.
    pub(crate) fn general(code: i32, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), general: true, transient: true }
    }

    /// What `finished` says, without the directory it worked in.
    pub(super) fn of(finished: &Finished, work: &Path) -> Self {
        let text = strip_colours(&finished.stderr).replace(&*work.to_string_lossy(), "<build>");
        let text = without_credentials(&text);
        if let Some(reason) = network_reason(&text) {
            return Self::general(finished.code, reason);
        }
        let transient = text.contains("network was disabled");
        Self { code: finished.code, reason: plain_reason(&text), general: false, transient }
    }

    /// The text of a package's report: first line `Return code: N.`, then the reason.
    pub(crate) fn message(&self) -> String {
        format!("Return code: {}.\n{}", self.code, self.reason)
    }
}

/// The lines without the installer's labels; its headline goes when a cause says it better.
fn plain_reason(text: &str) -> String {
    let lines = text.lines().map(unlabelled).filter(|line| !line.is_empty());
    let told: Vec<&str> = lines.filter(|line| !line.starts_with("No solution found")).collect();
    let kept = told.iter().take(MAXIMUM_LINES).copied().collect::<Vec<_>>().join("\n");
    let kept: String = kept.chars().take(MAXIMUM_CHARACTERS).collect();
    if kept.is_empty() { "the installer gave no reason".to_owned() } else { kept }
}

fn unlabelled(line: &str) -> &str {
    let line = line.trim();
    ["error:", "cause:", "ERROR:", "×", "╰─▶"]
        .iter()
        .fold(line, |rest, label| rest.strip_prefix(label).unwrap_or(rest).trim())
}

/// One line instead of a chain of causes when the index could not be asked.
fn network_reason(text: &str) -> Option<String> {
    let address = text.lines().map(unlabelled).find_map(|line| line.strip_prefix("Failed to fetch:"))?;
    let mut lines = text.lines().map(unlabelled);
    let cause = lines.rfind(|line| !line.is_empty() && !line.starts_with("hint:"))?;
    let cause = cause.chars().take(300).collect::<String>();
    Some(format!("cannot fetch `{}`: {cause}", address.trim().trim_matches('`')))
}

/// Removes the escape sequences `ESC [ ... letter`.
fn strip_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => {
                let _ = characters.by_ref().find(char::is_ascii_alphabetic);
            }
            '\r' => {}
            _ => plain.push(character),
        }
    }
    plain
}

/// `scheme://user:password@host` becomes `scheme://***@host`.
pub(crate) fn without_credentials(text: &str) -> String {
    let mut parts = text.split("://");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        clean.push_str("://");
        let authority = part.find(|character: char| "/?#\"'`".contains(character) || character.is_whitespace());
        let (authority, rest) = part.split_at(authority.unwrap_or(part.len()));
        match authority.rsplit_once('@') {
            Some((_, host)) => clean.extend(["***@", host, rest]),
            None => clean.extend([authority, rest]),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(stderr: &str) -> Failure {
        let finished = Finished { code: 1, stdout: String::new(), stderr: stderr.to_owned() };
        Failure::of(&finished, Path::new("/data/environments/.staging/x1"))
    }

    #[test]
    fn the_reason_comes_without_labels_colours_and_paths() {
        let text = "\u{1b}[1m\u{1b}[31merror\u{1b}[39m\u{1b}[0m: No solution found when resolving dependencies\n  \
                    cause: Because a was not found in /data/environments/.staging/x1/in\n         And so on.\n";
        let failure = failure(text);
        assert_eq!(failure.message(), "Return code: 1.\nBecause a was not found in <build>/in\nAnd so on.");
        assert!(!failure.general && !failure.transient);
    }

    #[test]
    fn an_unreachable_index_is_one_plain_line_without_its_password() {
        let text = "error: Request failed after 3 retries in 10.4s\n  \
                    cause: Failed to fetch: https://u:secret@index.test/simple/six/\n  \
                    cause: error sending request\n  cause: Connection refused (os error 111)\n";
        let failure = failure(text);
        let expected = "cannot fetch `https://***@index.test/simple/six/`: Connection refused (os error 111)";
        assert_eq!(failure.reason, expected);
        assert!(failure.general && failure.transient);
    }

    #[test]
    fn credentials_never_survive() {
        let clean = without_credentials("see https://a:b@h/x and 'http://tok@i:80', ftp://plain/p@q mail a@b");
        assert_eq!(clean, "see https://***@h/x and 'http://***@i:80', ftp://plain/p@q mail a@b");
        assert_eq!(without_credentials("https://a:p@ss@h"), "https://***@h");
    }

    #[test]
    fn long_talk_is_cut_and_silence_is_said() {
        assert!(failure(&"word\n".repeat(500)).reason.lines().count() <= MAXIMUM_LINES);
        assert!(failure(&"w".repeat(99_999)).reason.len() <= MAXIMUM_CHARACTERS);
        assert_eq!(failure("").reason, "the installer gave no reason");
    }
}
