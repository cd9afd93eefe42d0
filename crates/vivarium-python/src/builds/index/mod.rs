//! Source distributions in an index: found and fetched as mere data.

mod fetch;
mod listing;
mod page;

use std::path::PathBuf;

use url::Url;

pub(super) use fetch::Fetcher;
pub(super) use listing::SourceFile;

use super::Origins;

/// Where the bytes of a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    File(PathBuf),
    Address(Url),
}

/// All source distributions of a project that the origins offer. An origin that does not know the project has none;
/// one that cannot be asked is an error.
pub(super) fn sources_of(project: &str, origins: &Origins) -> Result<Vec<SourceFile>, String> {
    let fetcher = Fetcher::new(origins)?;
    let mut found = Vec::new();
    for link in &origins.links {
        match local(link) {
            Some(directory) => found.extend(listing::of_directory(project, &directory)),
            None if origins.offline => {}
            None => found.extend(listing::of_page(project, fetcher.page(&parsed(link)?)?)),
        }
    }
    for index in origins.indexes.iter().filter(|_| !origins.offline) {
        let address = parsed(&format!("{}/{project}/", index.trim_end_matches('/')))?;
        found.extend(listing::of_page(project, fetcher.page(&address)?));
    }
    Ok(listing::best(found))
}

/// The directory that a link to wheels means, unless it is an address of the network.
fn local(link: &str) -> Option<PathBuf> {
    match Url::parse(link) {
        Ok(url) if url.scheme() == "file" => url.to_file_path().ok(),
        Ok(_) => None,
        Err(_) => Some(PathBuf::from(link)),
    }
}

fn parsed(address: &str) -> Result<Url, String> {
    Url::parse(address).map_err(|error| format!("the address of an index is wrong: {error}"))
}
