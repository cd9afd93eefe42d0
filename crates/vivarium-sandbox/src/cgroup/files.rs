//! Reading and writing the small files of a cgroup.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

/// Writes in one `write(2)`, as the kernel wants it, and never creates.
pub(super) fn write(directory: &Path, file: &str, value: impl Display) -> io::Result<()> {
    OpenOptions::new().write(true).open(directory.join(file))?.write_all(value.to_string().as_bytes())
}

pub(super) fn read(directory: &Path, file: &str) -> io::Result<String> {
    std::fs::read_to_string(directory.join(file))
}

/// A file that holds one number.
pub(super) fn number(directory: &Path, file: &str) -> Option<u64> {
    read(directory, file).ok()?.trim().parse().ok()
}

/// The number behind `key` in a file of `key value` lines.
pub(super) fn keyed(directory: &Path, file: &str, key: &str) -> Option<u64> {
    find_keyed(&read(directory, file).ok()?, key)
}

fn find_keyed(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')).and_then(|value| value.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::find_keyed;

    #[test]
    fn a_key_that_is_the_start_of_another_is_not_mistaken_for_it() {
        let text = "oom 3\noom_kill 7\noom_group_kill 1\n";
        assert_eq!(find_keyed(text, "oom_kill"), Some(7));
        assert_eq!(find_keyed(text, "oom"), Some(3));
        assert_eq!(find_keyed(text, "max"), None);
    }
}
