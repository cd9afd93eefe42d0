//! What the operator decides about interpreters, the installer and builds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vivarium_domain::runtime::Resource;

/// The variables of the server's own environment, read once by the composition root.
pub type HostEnvironment = BTreeMap<String, String>;

/// Everything that this crate needs to know.
#[derive(Debug, Clone)]
pub struct PythonSettings {
    /// The server's data directory; this crate keeps to `environments` and `installer` in it.
    pub data_directory: PathBuf,
    /// Where to look for interpreters.
    pub discovery: DiscoverySettings,
    /// How packages are fetched.
    pub installer: InstallerSettings,
    /// What a build may use up.
    pub builds: BuildSettings,
}

impl PythonSettings {
    /// Defaults that fit the environment the server was started in.
    #[must_use]
    pub fn new(data_directory: impl Into<PathBuf>, environment: HostEnvironment) -> Self {
        Self {
            data_directory: data_directory.into(),
            discovery: DiscoverySettings::from_environment(&environment),
            installer: InstallerSettings::from_environment(environment),
            builds: BuildSettings::default(),
        }
    }
}

/// Where interpreters are looked for. Of several with the same version the first found is taken:
/// configured ones, then those on the search path, then pyenv's, then uv's.
#[derive(Debug, Clone, Default)]
pub struct DiscoverySettings {
    /// Executables that the operator named.
    pub configured: Vec<PathBuf>,
    /// Directories that are searched for `python3` and `python3.N`.
    pub search_path: Vec<PathBuf>,
    /// pyenv's root, which holds `versions/*/bin/python3`.
    pub pyenv_root: Option<PathBuf>,
    /// The directory of interpreters that uv manages, which holds `*/bin/python3`.
    pub uv_directory: Option<PathBuf>,
}

impl DiscoverySettings {
    /// What `PATH`, `PYENV_ROOT`, `UV_PYTHON_INSTALL_DIR`, `XDG_DATA_HOME` and `HOME` say.
    #[must_use]
    pub fn from_environment(environment: &HostEnvironment) -> Self {
        let path = |name: &str| environment.get(name).filter(|text| !text.is_empty()).map(PathBuf::from);
        let home = path("HOME");
        let below_home = |tail: &str| home.as_deref().map(|home| home.join(tail));
        let data_home = path("XDG_DATA_HOME").or_else(|| below_home(".local/share"));
        Self {
            configured: Vec::new(),
            search_path: search_path(environment),
            pyenv_root: path("PYENV_ROOT").or_else(|| below_home(".pyenv")),
            uv_directory: path("UV_PYTHON_INSTALL_DIR").or_else(|| data_home.map(|data| data.join("uv/python"))),
        }
    }
}

/// The absolute directories of `PATH`; relative ones would depend on where the server was started.
fn search_path(environment: &HostEnvironment) -> Vec<PathBuf> {
    let text = environment.get("PATH").map(String::as_str).unwrap_or_default();
    text.split(':').map(Path::new).filter(|path| path.is_absolute()).map(Path::to_owned).collect()
}

/// How packages are fetched.
#[derive(Debug, Clone, Default)]
pub struct InstallerSettings {
    /// uv's executable; `None` looks for it on `search_path`, then obtains the pinned wheel.
    pub uv: Option<PathBuf>,
    /// Directories that are searched for `uv`.
    pub search_path: Vec<PathBuf>,
    /// Package index; `None` takes what pip is configured to use.
    pub index_url: Option<String>,
    /// Further indexes; if empty, what pip is configured to use.
    pub extra_index_urls: Vec<String>,
    /// Directories or pages with wheels; if empty, what pip is configured to use.
    pub find_links: Vec<String>,
    /// Whether nothing may be fetched: only what the cache holds is installed.
    pub offline: bool,
    /// Whether packages without wheels are built from source, in the sandbox.
    pub source_builds: bool,
    /// The server's environment. Children see only the few variables of it that say how to reach an index.
    pub environment: HostEnvironment,
}

impl InstallerSettings {
    /// Defaults that fit the environment.
    #[must_use]
    pub fn from_environment(environment: HostEnvironment) -> Self {
        Self { search_path: search_path(&environment), environment, ..Self::default() }
    }
}

/// What a build may use up.
#[derive(Debug, Clone, Copy)]
pub struct BuildSettings {
    /// Wall clock time of one build, without the time it waits for its turn.
    pub time: Duration,
    /// Bytes of all files of one environment.
    pub size_bytes: u64,
    /// Builds at the same time.
    pub parallel: usize,
    /// How long an environment that a build has just found is safe from garbage collection,
    /// so that there is time to record that it is needed.
    pub garbage_grace: Duration,
    /// What one build from source may use up.
    pub source: SourceLimits,
}

/// What the build of one package from source may use up.
#[derive(Debug, Clone, Copy)]
pub struct SourceLimits {
    /// Memory, processor, processes and writable space.
    pub resource: Resource,
    /// Wall clock time; all of an environment together may take half of [`BuildSettings::time`].
    pub time: Duration,
    /// Bytes of a source distribution.
    pub archive_bytes: u64,
    /// Bytes of the wheel that comes out; unpacked it may be four times as large.
    pub wheel_bytes: u64,
}

impl Default for SourceLimits {
    fn default() -> Self {
        Self {
            resource: Resource { cpu_millis: 1000, memory_mib: 1024, disk_mib: 512, processes: 64 },
            time: Duration::from_secs(180),
            archive_bytes: 128 << 20,
            wheel_bytes: 128 << 20,
        }
    }
}

impl Default for BuildSettings {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(900),
            size_bytes: 8 << 30,
            parallel: 2,
            garbage_grace: Duration::from_secs(600),
            source: SourceLimits::default(),
        }
    }
}

/// What parked instances of all runtimes together may take.
#[derive(Debug, Clone, Copy)]
pub struct PoolSettings {
    /// Instances that are parked or coming up to be parked.
    pub max_parked: usize,
    /// Instances that come up at the same time to be parked.
    pub parallel_starts: usize,
    /// Parked instances older than this are replaced.
    pub max_age: Duration,
    /// What instances are forked from.
    pub zygotes: ZygoteSettings,
}

/// When zygotes are replaced or ended.
#[derive(Debug, Clone, Copy)]
pub struct ZygoteSettings {
    /// One of this age is replaced.
    pub max_age: Duration,
    /// One that forked so often is replaced.
    pub max_forks: u64,
    /// One of a runtime without parked instances is ended when nobody needed it for so long.
    pub idle: Duration,
    /// How long to wait for more when a script loaded a module that its zygote had not, before that is replaced; doubles
    /// with each time.
    pub renewal_pause: Duration,
}

impl Default for ZygoteSettings {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(3600),
            max_forks: 5000,
            idle: Duration::from_secs(300),
            renewal_pause: Duration::from_secs(1),
        }
    }
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            max_parked: 100,
            parallel_starts: 2,
            max_age: Duration::from_secs(3600),
            zygotes: ZygoteSettings::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_environment_says_where_interpreters_are() {
        let environment = [("PATH", "/usr/bin:relative::/bin"), ("HOME", "/home/ada")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let discovery = DiscoverySettings::from_environment(&environment);
        assert_eq!(discovery.search_path, [Path::new("/usr/bin"), Path::new("/bin")]);
        assert_eq!(discovery.pyenv_root.unwrap(), Path::new("/home/ada/.pyenv"));
        assert_eq!(discovery.uv_directory.unwrap(), Path::new("/home/ada/.local/share/uv/python"));
    }

    #[test]
    fn an_explicit_root_wins_over_the_home() {
        let environment = [("HOME", "/home/ada"), ("PYENV_ROOT", "/opt/pyenv"), ("UV_PYTHON_INSTALL_DIR", "/opt/uv")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let discovery = DiscoverySettings::from_environment(&environment);
        assert_eq!(discovery.pyenv_root.unwrap(), Path::new("/opt/pyenv"));
        assert_eq!(discovery.uv_directory.unwrap(), Path::new("/opt/uv"));
    }
}
