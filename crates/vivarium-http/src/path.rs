//! Paths: what is refused before any route is looked up, and what counts as the same path.

use http::uri::PathAndQuery;
use http::{HeaderMap, Uri};
use percent_encoding::percent_decode;

use crate::problem::Fault;

/// Refuses paths that no handler should have to think about.
pub(crate) fn check(path: &str) -> Result<(), Fault> {
    let refuse = |reason: &str| Err(Fault::BadPath { reason: reason.to_owned() });
    if !path.starts_with('/') {
        return Err(Fault::UnknownRoute);
    }
    if path.contains("//") {
        return refuse("it has two slashes in a row");
    }
    if !percent_signs_are_whole(path.as_bytes()) {
        return refuse("a `%` is not followed by two hexadecimal digits");
    }
    let decoded: Vec<u8> = percent_decode(path.as_bytes()).collect();
    if decoded.contains(&0) {
        return refuse("it contains a NUL character");
    }
    if std::str::from_utf8(&decoded).is_err() {
        return refuse("it is not UTF-8 once decoded");
    }
    Ok(())
}

fn percent_signs_are_whole(path: &[u8]) -> bool {
    path.iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'%')
        .all(|(at, _)| path.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}

/// The same address without a slash at the end of its path.
pub(crate) fn without_trailing_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let trimmed = path.strip_suffix('/').filter(|rest| !rest.is_empty())?;
    let text = uri.query().map_or_else(|| trimmed.to_owned(), |query| format!("{trimmed}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(text.parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

/// Refuses requests with more or larger headers than allowed. `bytes` counts names, values and the address.
pub(crate) fn check_size(uri: &Uri, headers: &HeaderMap, bytes: usize, count: usize) -> Result<(), Fault> {
    let refuse = |reason: String| Err(Fault::HeadersTooLarge { reason });
    if headers.len() > count {
        return refuse(format!("there are more than {count} of them"));
    }
    let address = uri.path_and_query().map_or(0, |path| path.as_str().len());
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if address + size > bytes {
        return refuse(format!("together with the address they have more than {bytes} bytes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ordinary_paths_pass() {
        for path in ["/", "/api/runtimes", "/api/projects/MicroStrategy%20Tutorial", "/a/%C3%BC", "/a/b/"] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn paths_that_do_not_decode_are_refused() {
        for path in ["/a%00b", "/a%", "/a%2", "/a%zz", "/%ff", "/%C3", "//a", "/a//b"] {
            assert!(matches!(check(path), Err(Fault::BadPath { .. })), "{path}");
        }
        assert_eq!(check("*"), Err(Fault::UnknownRoute));
    }

    #[test]
    fn a_slash_at_the_end_does_not_count() {
        let trim = |text: &str| without_trailing_slash(&text.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(trim("/api/users/").unwrap(), "/api/users");
        assert_eq!(trim("/api/users/?a=/").unwrap(), "/api/users?a=/");
        assert_eq!(trim("/"), None);
        assert_eq!(trim("/api/users"), None);
    }
}
