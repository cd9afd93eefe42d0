//! Which of the server's variables children may see: those that say how to reach an index.

use std::collections::BTreeMap;

use crate::settings::HostEnvironment;

const NETWORK: [&str; 17] = [
    "HOME",
    "PATH",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NETRC",
    "XDG_CONFIG_HOME",
    "XDG_CONFIG_DIRS",
];

/// For pip: also all of its own settings.
pub(super) fn for_pip(environment: &HostEnvironment) -> BTreeMap<String, String> {
    select(environment, |name| name.starts_with("PIP_"))
}

/// For uv: also its patience with the network.
pub(super) fn for_uv(environment: &HostEnvironment) -> BTreeMap<String, String> {
    select(environment, |name| matches!(name, "UV_HTTP_TIMEOUT" | "UV_HTTP_RETRIES"))
}

fn select(environment: &HostEnvironment, also: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
    let wanted = |name: &str| NETWORK.contains(&name) || also(name);
    let chosen = environment.iter().filter(|(name, _)| wanted(name));
    let chosen = chosen.map(|(name, value)| (name.clone(), value.clone()));
    chosen.chain([("LANG".to_owned(), "C.UTF-8".to_owned())]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_the_server_stay_with_the_server() {
        let names = ["VIVARIUM_ADMIN_PASSWORD", "PIP_INDEX_URL", "HTTPS_PROXY", "PYTHONPATH", "UV_HTTP_TIMEOUT"];
        let environment = names.map(|name| (name.to_owned(), "x".to_owned())).into();
        assert_eq!(Vec::from_iter(for_pip(&environment).keys()), ["HTTPS_PROXY", "LANG", "PIP_INDEX_URL"]);
        assert_eq!(Vec::from_iter(for_uv(&environment).keys()), ["HTTPS_PROXY", "LANG", "UV_HTTP_TIMEOUT"]);
    }
}
