//! Identifiers that stand for variables in the text that Python compiles.

use std::collections::HashSet;

/// Letters that may take the place of the `$`. No keyword and few builtins begin with them.
const LETTERS: [char; 13] = ['_', 'j', 'k', 'J', 'K', 'q', 'v', 'w', 'z', 'Q', 'V', 'W', 'Z'];
const TAKEN: [&str; 5] = ["quit", "vars", "while", "with", "zip"];

/// An identifier that `words` does not hold, as long as `$name` so that columns in tracebacks stay right.
///
/// A name that begins with `_` gets no second one: Python mangles such names inside classes.
pub(super) fn hidden(name: &str, words: &HashSet<&str>) -> String {
    let letters = LETTERS.into_iter().filter(|letter| *letter != '_' || !name.starts_with('_'));
    let same_length = letters.map(|letter| format!("{letter}{name}"));
    let longer = (0..).map(|number| format!("vivarium{number}_{name}"));
    let free = |candidate: &String| !words.contains(candidate.as_str()) && !TAKEN.contains(&candidate.as_str());
    same_length.chain(longer).find(free).expect("a text of finite length cannot hold infinitely many words")
}

/// Every identifier of the text, and everything else that looks like one.
pub(super) fn words(text: &str) -> HashSet<&str> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    text.split(|character| !is_part(character)).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_length_and_avoids_what_is_there() {
        assert_eq!(hidden("region", &words("print(1)")), "_region");
        assert_eq!(hidden("region", &words("_region = 1")), "jregion");
        assert_eq!(hidden("_x", &words("")), "j_x");
        assert_eq!(hidden("1", &words("")), "_1");
    }

    #[test]
    fn a_text_full_of_candidates_gets_a_longer_name() {
        let text = LETTERS.map(|letter| format!("{letter}x")).join(" ");
        assert_eq!(hidden("x", &words(&text)), "vivarium0_x");
    }
}
