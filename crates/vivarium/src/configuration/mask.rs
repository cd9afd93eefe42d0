//! Hides secrets in values that are shown.

use serde_json::Value;

const MASK: &str = "********";

/// The value as it may be shown: a password is hidden whole, in an address only what is secret of it.
pub(super) fn masked(key: &str, value: &Value) -> Value {
    match value {
        Value::String(_) if key.ends_with("password") => Value::String(MASK.to_owned()),
        Value::String(text) => Value::String(mask_address(text)),
        Value::Array(values) => Value::Array(values.iter().map(|value| masked(key, value)).collect()),
        other => other.clone(),
    }
}

/// Hides the password in `scheme://user:password@host`, and in a parameter `password=`.
fn mask_address(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let authority = match authority.rsplit_once('@') {
        Some((login, host)) => format!("{}@{host}", mask_login(login)),
        None => authority.to_owned(),
    };
    format!("{scheme}://{authority}{}", mask_parameters(tail))
}

/// A login without a password is a token as often as a name where an index is concerned; names of databases stay readable.
fn mask_login(login: &str) -> String {
    login.split_once(':').map_or_else(|| login.to_owned(), |(user, _)| format!("{user}:{MASK}"))
}

fn mask_parameters(tail: &str) -> String {
    let mask = |part: &str| match part.split_once('=') {
        Some((name, _)) if name.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).ends_with("password") => {
            format!("{name}={MASK}")
        }
        _ => part.to_owned(),
    };
    tail.split('&').map(mask).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_the_rest_stays_readable() {
        for (key, value, shown) in [
            ("administrator.password", "geheim", "********"),
            ("database.url", "postgres://anna:ge:h@im@db:5432/farm", "postgres://anna:********@db:5432/farm"),
            (
                "database.url",
                "postgres://db/farm?user=anna&password=geheim",
                "postgres://db/farm?user=anna&password=********",
            ),
            ("database.url", "sqlite:/data/x", "sqlite:/data/x"),
            ("packages.index_url", "https://u:p@index.example/simple", "https://u:********@index.example/simple"),
            ("server.listen", "127.0.0.1:80", "127.0.0.1:80"),
        ] {
            assert_eq!(masked(key, &Value::from(value)), Value::from(shown));
        }
    }
}
