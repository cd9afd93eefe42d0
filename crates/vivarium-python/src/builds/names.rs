//! Names of projects as PEP 503 normalises them.

/// Small letters; runs of `-`, `_` and `.` become one hyphen.
pub(super) fn normalized(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '-' | '_' | '.' if plain.ends_with('-') => {}
            '-' | '_' | '.' => plain.push('-'),
            _ => plain.push(character.to_ascii_lowercase()),
        }
    }
    plain
}

/// As names of files hold it (binary distribution format): with underscores.
pub(super) fn in_file(project: &str) -> String {
    project.replace('-', "_")
}

/// Whether it can be a project's normalised name, and so a part of a path or an address.
pub(super) fn is_project(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=200).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with('-') && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised_and_nothing_else_passes() {
        assert_eq!(normalized("Zope._-Interface"), "zope-interface");
        assert_eq!(in_file("zope-interface"), "zope_interface");
        assert!(is_project("zope-interface") && is_project("a1"));
        for name in ["", "..", "a/b", "-a", "a b", "A"] {
            assert!(!is_project(name), "{name}");
        }
    }
}
