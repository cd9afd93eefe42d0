//! HTTP Basic (RFC 7617).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// Name and password of HTTP Basic, in UTF-8; none if there are none or they are malformed.
pub fn basic_credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(value: &str) -> Option<(String, String)> {
        basic_credentials(&HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]))
    }

    #[test]
    fn the_password_may_contain_colons_and_anything_malformed_is_none() {
        let expected = ("anna".to_owned(), "p:ä".to_owned());
        assert_eq!(read(&format!("basic {}", STANDARD.encode("anna:p:ä"))), Some(expected));
        for value in ["", "Basic", "Basic ???", "Bearer YTpi", &format!("Basic {}", STANDARD.encode("anna"))] {
            assert_eq!(read(value), None, "{value}");
        }
        assert_eq!(read(&format!("Basic {}", STANDARD.encode(b"a:\xff"))), None);
    }
}
