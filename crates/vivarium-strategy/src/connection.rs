//! What a script finds to connect with (contract 10.3).

use serde_json::{Map, Value, json};
use vivarium_domain::account::TokenSecret;

/// The names under which scripts look for it; the second is the old one.
const NAMES: [&str; 2] = ["connectionData", "workstationData"];

/// The name of the header as clients write it.
const AUTH_TOKEN: &str = "X-MSTR-AuthToken";

/// The globals by which a script connects to this dialect under `base`, a URL that ends with a slash, as the user of
/// `session`. `name` is that of the environment.
pub fn connection_data(base: &str, name: &str, session: &TokenSecret) -> Map<String, Value> {
    let environment = json!({"url": base, "name": name, "headers": {AUTH_TOKEN: session.reveal()}, "cookies": []});
    let data = json!({"defaultEnvironment": environment});
    NAMES.into_iter().map(|name| (name.to_owned(), data.clone())).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http::HeaderName;

    use super::*;

    #[test]
    fn both_names_lead_to_the_same_session() {
        let session = TokenSecret::random();
        let globals = connection_data("http://here/MicroStrategyLibrary/", "node", &session);
        let expected = json!({"defaultEnvironment": {
            "url": "http://here/MicroStrategyLibrary/",
            "name": "node",
            "headers": {"X-MSTR-AuthToken": session.reveal()},
            "cookies": [],
        }});
        assert_eq!(Value::from(globals), json!({"connectionData": expected, "workstationData": expected}));
        assert_eq!(crate::session::AUTH_TOKEN, HeaderName::from_bytes(AUTH_TOKEN.as_bytes()).unwrap());
    }
}
