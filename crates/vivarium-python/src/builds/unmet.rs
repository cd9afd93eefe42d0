//! What the installer looked for and found no wheel of, as its log tells.

use std::collections::BTreeSet;

use super::names::{is_project, normalized};

const SEARCHING: &str = "DEBUG Searching for a compatible version of ";
const SELECTING: &str = "DEBUG Selecting: ";

/// Projects that were searched for and never selected. The log is no promise of uv's: where it reads otherwise,
/// nothing is found, and all stays with wheels.
pub(super) fn unmet(log: &str) -> BTreeSet<String> {
    let mut searched: BTreeSet<String> =
        log.lines().filter_map(|line| project(line.strip_prefix(SEARCHING)?)).collect();
    for selected in log.lines().filter_map(|line| project(line.strip_prefix(SELECTING)?)) {
        searched.remove(&selected);
    }
    searched
}

/// The name before extras, markers and versions.
fn project(text: &str) -> Option<String> {
    let end = text.find(|character: char| "[{=<>~! ;(".contains(character));
    let name = normalized(&text[..end.unwrap_or(text.len())]);
    is_project(&name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_selected_is_unmet() {
        let log = "DEBUG Searching for a compatible version of a (*)\nDEBUG Selecting: a==1 [compatible] (a-1.whl)\n\
                   DEBUG Searching for a compatible version of b[x]{os_name == 'nt'} (>=1)\n\
                   DEBUG Searching for a compatible version of c_d (>=1.2)\n\
                   DEBUG Searching for a compatible version of b (>=1)\nDEBUG Selecting: b==2 [compatible] (b-2.whl)\n\
                   DEBUG Searching for a compatible version of c_d (<=1.0)\nerror: No solution found\n";
        assert_eq!(unmet(log), BTreeSet::from(["c-d".to_owned()]));
        assert_eq!(unmet("DEBUG Searching for a compatible version of ../x (*)"), BTreeSet::new());
    }
}
