//! Where uv takes packages from, for those who look there themselves.

use std::collections::BTreeMap;

use super::index::Index;

/// Sources of packages with everything filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origins {
    /// Addresses of indexes, the strongest first. They may hold passwords.
    pub(crate) indexes: Vec<String>,
    /// Directories and pages of files.
    pub(crate) links: Vec<String>,
    pub(crate) trusted_hosts: Vec<String>,
    /// A file of certificate authorities; `None` for those of public ones.
    pub(crate) certificates: Option<String>,
    pub(crate) offline: bool,
}

impl Origins {
    /// `default` is what uv asks where nobody has named an index.
    pub(super) fn new(
        index: &Index,
        default: Option<String>,
        environment: &BTreeMap<String, String>,
        offline: bool,
    ) -> Self {
        let named = index.extra_index_urls.iter().cloned().chain(index.index_url.clone().or(default));
        Self {
            indexes: if index.no_index { Vec::new() } else { named.collect() },
            links: index.find_links.clone(),
            trusted_hosts: index.trusted_hosts.clone(),
            certificates: environment.get("SSL_CERT_FILE").cloned(),
            offline,
        }
    }
}

/// uv's help names its default index: `(by default: <ADDRESS>)`.
pub(super) fn default_index(help: &str) -> Option<String> {
    let (_, rest) = help.split_once("--default-index")?;
    let (_, rest) = rest.split_once("default: <")?;
    let (address, _) = rest.split_once('>')?;
    address.contains("://").then(|| address.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_index_is_what_uv_says() {
        let help = "  --default-index <DEFAULT_INDEX>\n  The index (by default: <https://index.test/simple>) [env: X]";
        assert_eq!(default_index(help).as_deref(), Some("https://index.test/simple"));
        assert_eq!(default_index("--default-index <X> nothing"), None);
        assert_eq!(default_index(""), None);
    }

    #[test]
    fn an_index_that_is_named_stands_for_the_default() {
        let index = Index { index_url: Some("https://own.test".to_owned()), ..Index::default() };
        let origins = Origins::new(&index, Some("https://other.test".to_owned()), &BTreeMap::new(), false);
        assert_eq!(origins.indexes, ["https://own.test"]);
        let none = Index { no_index: true, ..Index::default() };
        assert!(Origins::new(&none, Some("https://other.test".to_owned()), &BTreeMap::new(), false).indexes.is_empty());
    }
}
