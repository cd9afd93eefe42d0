//! Which paths of the host an interpreter needs to run, and nothing else of the host.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::probe::Answer;

/// Something of the host that appears at the same place inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HostPath {
    /// A file or directory, read-only. `source` differs from `target` only where a link was followed.
    Bind { source: PathBuf, target: PathBuf, exec: bool },
    /// A link.
    Link { target: PathBuf, points_to: PathBuf },
    /// A directory of the host that has to look empty inside.
    Hidden { target: PathBuf },
}

/// All that an interpreter needs of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Footprint {
    /// In the order in which they have to be mounted.
    pub(crate) paths: Vec<HostPath>,
    /// Directories of shared libraries that the dynamic loader does not search by itself.
    pub(crate) library_path: Vec<PathBuf>,
    /// The bundle of public certificate authorities, if the host has one.
    pub(crate) certificates: Option<PathBuf>,
}

/// Links at the root that merged-`/usr` hosts have and that names in binaries go through.
const ROOT_LINKS: [&str; 2] = ["/lib", "/lib64"];
/// Where hosts keep the bundle of certificate authorities.
const CERTIFICATES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Public data that Python code expects: time zones, the locale that `LANG=C.UTF-8` names.
const PUBLIC_DATA: [&str; 2] = ["/usr/share/zoneinfo", "/usr/lib/locale/C.utf8"];

impl Footprint {
    /// The footprint of the interpreter that gave `answer`.
    pub(crate) fn of(executable: &Path, answer: &Answer) -> Self {
        let mut footprint = Self::default();
        footprint.add_root_links();
        footprint.add_libraries(answer);
        footprint.add_bind(executable, executable, true);
        for directory in &answer.standard_library {
            footprint.add_standard_library(directory);
        }
        if let Some(loader) = &answer.loader {
            footprint.add_loader(loader);
        }
        footprint.add_public_data();
        footprint
    }

    fn add_root_links(&mut self) {
        for link in ROOT_LINKS.map(PathBuf::from) {
            if let Ok(points_to) = fs::read_link(&link) {
                self.paths.push(HostPath::Link { target: link, points_to });
            }
        }
    }

    /// System library directories come whole, because wheels rely on what a distribution has in them;
    /// elsewhere only the very libraries that the interpreter maps.
    fn add_libraries(&mut self, answer: &Answer) {
        let mut directories: BTreeMap<&Path, Vec<&Path>> = BTreeMap::new();
        for library in answer.libraries.iter().filter(|path| !is_below(path, &answer.standard_library)) {
            if let Some(directory) = library.parent() {
                directories.entry(directory).or_default().push(library);
            }
        }
        for (directory, libraries) in directories {
            if is_system_directory(directory) {
                self.add_bind(directory, directory, true);
                continue;
            }
            self.library_path.push(directory.to_owned());
            for library in libraries {
                self.add_foreign_library(directory, library);
            }
        }
    }

    fn add_foreign_library(&mut self, directory: &Path, library: &Path) {
        self.add_bind(library, library, true);
        for link in links_to(directory, library) {
            self.paths.push(HostPath::Link { target: link, points_to: library.to_owned() });
        }
    }

    /// Packages that the host has installed are none of an instance's business.
    fn add_standard_library(&mut self, directory: &Path) {
        self.add_bind(directory, directory, true);
        for name in ["site-packages", "dist-packages"] {
            let target = directory.join(name);
            if target.is_dir() {
                self.paths.push(HostPath::Hidden { target });
            }
        }
    }

    /// The path is written into the executable; directories on the way may be links, and the file itself too.
    fn add_loader(&mut self, loader: &Path) {
        let (Some(directory), Some(name)) = (loader.parent(), loader.file_name()) else { return };
        let (Ok(directory), Ok(source)) = (fs::canonicalize(directory), fs::canonicalize(loader)) else { return };
        self.add_bind(&source, &directory.join(name), true);
    }

    fn add_public_data(&mut self) {
        for path in PUBLIC_DATA.map(Path::new).into_iter().filter(|path| path.exists()) {
            self.add_bind(path, path, false);
        }
        self.certificates = CERTIFICATES.iter().find_map(|path| fs::canonicalize(path).ok());
    }

    fn add_bind(&mut self, source: &Path, target: &Path, exec: bool) {
        let covered = self.paths.iter().any(|path| match path {
            HostPath::Bind { target: present, .. } => target.starts_with(present),
            _ => false,
        });
        if !covered {
            self.paths.push(HostPath::Bind { source: source.to_owned(), target: target.to_owned(), exec });
        }
    }
}

fn is_below(path: &Path, directories: &[PathBuf]) -> bool {
    directories.iter().any(|directory| path.starts_with(directory))
}

/// Whether the dynamic loader searches the directory by itself: `/usr/lib`, `/usr/lib64`, `/lib`, `/lib64`
/// and one directory below that is named after the machine, such as `x86_64-linux-gnu`.
fn is_system_directory(directory: &Path) -> bool {
    let roots = ["/usr/lib", "/usr/lib64", "/lib", "/lib64"].map(Path::new);
    let is_root = |path: &Path| roots.contains(&path);
    let is_triplet = directory.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.contains("-linux-"));
    is_root(directory) || (is_triplet && directory.parent().is_some_and(is_root))
}

fn links_to(directory: &Path, library: &Path) -> BTreeSet<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return BTreeSet::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let leads = |path: &PathBuf| path.is_symlink() && fs::canonicalize(path).is_ok_and(|real| real == library);
    paths.filter(leads).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::probe::tests::answer;
    use super::*;

    fn bind(path: &Path) -> HostPath {
        HostPath::Bind { source: path.to_owned(), target: path.to_owned(), exec: true }
    }

    #[test]
    fn system_directories_come_whole_and_others_by_the_file() {
        let root = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(root.path()).unwrap();
        let library = base.join("libpython3.11.so.1.0");
        fs::write(&library, "").unwrap();
        std::os::unix::fs::symlink("libpython3.11.so.1.0", base.join("libpython3.11.so")).unwrap();
        let libraries = vec!["/usr/lib/x86_64-linux-gnu/libc.so.6".into(), library.clone()];
        let footprint = Footprint::of(&base.join("python3.11"), &Answer { libraries, ..answer() });
        assert!(footprint.paths.contains(&bind(Path::new("/usr/lib/x86_64-linux-gnu"))));
        assert!(footprint.paths.contains(&bind(&library)));
        assert!(footprint.paths.contains(&bind(&base.join("python3.11"))));
        let link = HostPath::Link { target: base.join("libpython3.11.so"), points_to: library };
        assert!(footprint.paths.contains(&link));
        assert_eq!(footprint.library_path, [base]);
    }

    #[test]
    fn packages_of_the_host_are_hidden() {
        let root = tempfile::tempdir().unwrap();
        let site = root.path().join("site-packages");
        fs::create_dir(&site).unwrap();
        let answer = Answer { standard_library: vec![root.path().to_owned()], ..answer() };
        let footprint = Footprint::of(Path::new("/opt/python3"), &answer);
        assert!(footprint.paths.contains(&HostPath::Hidden { target: site }));
    }

    #[test]
    fn nothing_is_bound_twice() {
        let mut footprint = Footprint::default();
        footprint.add_bind(Path::new("/usr/lib"), Path::new("/usr/lib"), true);
        footprint.add_bind(Path::new("/usr/lib/python3.12"), Path::new("/usr/lib/python3.12"), true);
        assert_eq!(footprint.paths, [bind(Path::new("/usr/lib"))]);
    }

    #[test]
    fn only_what_the_loader_searches_is_a_system_directory() {
        for path in ["/usr/lib", "/lib64", "/usr/lib/aarch64-linux-gnu"] {
            assert!(is_system_directory(Path::new(path)), "{path}");
        }
        for path in ["/usr/local/lib", "/opt/x-linux-y", "/usr/lib/python3", "/"] {
            assert!(!is_system_directory(Path::new(path)), "{path}");
        }
    }
}
