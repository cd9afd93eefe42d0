//! Where packages come from: what the operator set, else what pip is configured to use.

use std::path::Path;

use crate::settings::InstallerSettings;

/// Sources of packages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) index_url: Option<String>,
    pub(super) extra_index_urls: Vec<String>,
    pub(super) find_links: Vec<String>,
    pub(super) trusted_hosts: Vec<String>,
    pub(super) certificates: Option<String>,
    pub(super) no_index: bool,
}

impl Index {
    /// What the operator set, filled up from the output of `pip config list`.
    pub(super) fn new(settings: &InstallerSettings, pip: &str) -> Self {
        let pip = from_pip(pip);
        let or = |own: &[String], other: Vec<String>| if own.is_empty() { other } else { own.to_vec() };
        let own_index = settings.index_url.is_some();
        Self {
            index_url: settings.index_url.clone().or(pip.index_url),
            extra_index_urls: or(&settings.extra_index_urls, if own_index { Vec::new() } else { pip.extra_index_urls }),
            find_links: or(&settings.find_links, pip.find_links),
            no_index: pip.no_index && !own_index,
            ..pip
        }
    }

    /// The variables by which uv takes them. Addresses may hold passwords, and arguments are public on a machine.
    pub(super) fn uv_environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = Vec::new();
        variables.extend(self.index_url.clone().map(|url| ("UV_DEFAULT_INDEX", url)));
        if !self.extra_index_urls.is_empty() {
            variables.push(("UV_INDEX", self.extra_index_urls.join(" ")));
            // pip treats all indexes alike; an operator who configured it for pip expects the same.
            variables.push(("UV_INDEX_STRATEGY", "unsafe-best-match".to_owned()));
        }
        variables.extend(self.certificates.clone().map(|path| ("SSL_CERT_FILE", path)));
        variables
    }

    /// The arguments by which uv takes the rest.
    pub(super) fn uv_arguments(&self) -> Vec<String> {
        let links = self.find_links.iter().flat_map(|link| ["--find-links".to_owned(), link.clone()]);
        let hosts = self.trusted_hosts.iter().flat_map(|host| ["--allow-insecure-host".to_owned(), host.clone()]);
        links.chain(hosts).chain(self.no_index.then(|| "--no-index".to_owned())).collect()
    }

    /// Sets `option` of a section; where several name it the stronger one comes later.
    fn set(&mut self, option: &str, value: &str) {
        let words = || value.split_whitespace().map(str::to_owned).collect();
        match option {
            "index-url" | "index_url" => self.index_url = Some(value.trim().to_owned()),
            "extra-index-url" | "extra_index_url" => self.extra_index_urls = words(),
            "find-links" | "find_links" => {
                self.find_links = value.split_whitespace().filter(is_there).map(str::to_owned).collect();
            }
            "trusted-host" | "trusted_host" => self.trusted_hosts = words(),
            "cert" => self.certificates = Some(value.trim().to_owned()),
            "no-index" | "no_index" => self.no_index = matches!(value.trim(), "1" | "true" | "True" | "yes" | "on"),
            _ => {}
        }
    }
}

/// pip passes over directories that are not there, uv refuses them.
fn is_there(link: &&str) -> bool {
    link.contains("://") || Path::new(link).exists()
}

/// Reads `pip config list`: lines such as `global.index-url='https://...'`, values as Python writes texts.
/// The command's own section is stronger than `global`, the environment than both.
fn from_pip(list: &str) -> Index {
    let mut index = Index::default();
    for section in ["global.", "install.", ":env:."] {
        for line in list.lines() {
            let Some((option, value)) = line.strip_prefix(section).and_then(|rest| rest.split_once('=')) else {
                continue;
            };
            index.set(option, &unquoted(value));
        }
    }
    index
}

fn unquoted(text: &str) -> String {
    let inner = text.trim();
    let inner = inner.get(1..inner.len().saturating_sub(1)).unwrap_or_default();
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (_, true) => match characters.next() {
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                Some(other) => plain.push(other),
                None => {}
            },
            _ => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "global.index-url='https://global.test/simple'\ninstall.find-links='\\n/\\n/nowhere'\n\
                        :env:.index-url='https://env.test/simple'\nglobal.extra-index-url='https://a https://b'\n\
                        global.cert='/c.pem'\nfreeze.timeout='10'\nnonsense\n";

    #[test]
    fn the_environment_is_stronger_than_files_and_missing_directories_are_left_out() {
        let index = Index::new(&InstallerSettings::default(), LIST);
        assert_eq!(index.index_url.as_deref(), Some("https://env.test/simple"));
        assert_eq!(index.extra_index_urls, ["https://a", "https://b"]);
        assert_eq!(index.find_links, ["/"]);
        assert_eq!(index.certificates.as_deref(), Some("/c.pem"));
    }

    #[test]
    fn what_the_operator_set_is_strongest() {
        let settings =
            InstallerSettings { index_url: Some("https://own.test".to_owned()), ..InstallerSettings::default() };
        let index = Index::new(&settings, LIST);
        assert_eq!(index.index_url.as_deref(), Some("https://own.test"));
        assert!(index.extra_index_urls.is_empty(), "an index of one's own does not mix with others");
    }

    #[test]
    fn addresses_travel_in_the_environment_only() {
        let index = Index::new(&InstallerSettings::default(), LIST);
        assert!(index.uv_environment().contains(&("UV_DEFAULT_INDEX", "https://env.test/simple".to_owned())));
        assert!(index.uv_arguments().iter().all(|argument| !argument.contains("://")));
    }

    #[test]
    fn an_empty_list_sets_nothing() {
        assert_eq!(Index::new(&InstallerSettings::default(), ""), Index::default());
    }
}
