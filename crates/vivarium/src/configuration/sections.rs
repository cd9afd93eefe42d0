//! Every setting with its default. Keys in the TOML file are `section.field`; sizes are in bytes and times in seconds.

use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use vivarium_sandbox::Layer;

/// Everything that an operator decides.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Configuration {
    /// Where and how to serve.
    pub server: Server,
    /// Encryption.
    pub tls: TlsFiles,
    /// Proxies in front of the server.
    pub proxy: Proxy,
    /// The database.
    pub database: Database,
    /// The user that the first start creates.
    pub administrator: Administrator,
    /// How long sessions live.
    pub sessions: Sessions,
    /// Limits on guessing passwords.
    pub login: Login,
    /// Projects of the Strategy dialect.
    pub projects: Projects,
    /// Runtimes.
    pub runtimes: RuntimeDefaults,
    /// Evaluations.
    pub evaluations: Evaluations,
    /// Parked instances.
    pub pool: Pool,
    /// How packages are installed.
    pub packages: Packages,
    /// Where Python is.
    pub interpreters: Interpreters,
    /// Isolation.
    pub sandbox: SandboxSection,
    /// The MobileFirst dialect.
    pub mfp: Mfp,
    /// The log.
    pub log: Log,
}

/// `[server]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    /// Address to listen on, `HOST:PORT`; port 0 picks a free one.
    pub listen: String,
    /// Directory for everything the server keeps.
    pub data_dir: Option<PathBuf>,
    /// Name of this node, unique among those that share a database; the host name if absent.
    pub node_name: Option<String>,
    /// Largest body of a request.
    pub body_limit_bytes: usize,
    /// Most bytes that the address and headers of a request may have together.
    pub header_limit_bytes: usize,
    /// Most headers of a request.
    pub header_count: usize,
    /// Longest time for the head of a request to arrive, and for a connection to stay idle.
    pub header_timeout_seconds: u64,
    /// Longest time until a request has its answer; long polls have their wait in addition.
    pub request_timeout_seconds: u64,
    /// Longest wait that `Prefer: wait=N` may ask for.
    pub max_wait_seconds: u64,
    /// Most connections at once.
    pub max_connections: usize,
    /// How long requests may go on after the evaluations have ended when the server stops.
    pub grace_seconds: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            data_dir: None,
            node_name: None,
            body_limit_bytes: 16 << 20,
            header_limit_bytes: 64 << 10,
            header_count: 100,
            header_timeout_seconds: 30,
            request_timeout_seconds: 30,
            max_wait_seconds: 60,
            max_connections: 1024,
            grace_seconds: 5,
        }
    }
}

/// `[tls]`: both or none.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsFiles {
    /// PEM file with the certificate chain.
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key.
    pub key: Option<PathBuf>,
}

/// `[proxy]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proxy {
    /// Addresses or networks of proxies whose `Forwarded` and `X-Forwarded-*` headers are believed.
    pub trusted: Vec<IpNet>,
    /// Scheme of links in answers, `http` or `https`; wins over what requests tell.
    pub scheme: Option<Scheme>,
    /// Host of links in answers; wins over what requests tell.
    pub host: Option<String>,
    /// Port of links in answers; wins over what requests tell.
    pub port: Option<u16>,
}

/// A scheme of links.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scheme {
    /// In the clear.
    Http,
    /// Encrypted.
    Https,
}

impl Scheme {
    /// Its name in links.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// `[database]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Database {
    /// `postgres://USER:PASSWORD@HOST:PORT/NAME` or `sqlite:PATH`; SQLite in the data directory if absent.
    pub url: Option<String>,
}

/// `[administrator]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Administrator {
    /// Password of the user that the first start creates; a generated one is printed once if absent.
    pub password: Option<String>,
}

/// `[sessions]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sessions {
    /// A session ends when it was not used for so long.
    pub idle_seconds: u64,
    /// A session ends so long after it began.
    pub absolute_seconds: u64,
    /// An identity token ends so long after it was issued.
    pub identity_token_seconds: u64,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { idle_seconds: 1800, absolute_seconds: 86_400, identity_token_seconds: 300 }
    }
}

/// `[login]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// Failed log-ins within the window before an address has to wait.
    pub attempts_per_address: u32,
    /// Failed log-ins within the window before a user name has to wait.
    pub attempts_per_user: u32,
    /// The window.
    pub window_seconds: u64,
    /// Passwords that are verified at the same time; each takes 19 MiB.
    pub parallel_verifications: usize,
}

impl Default for Login {
    fn default() -> Self {
        Self { attempts_per_address: 60, attempts_per_user: 10, window_seconds: 300, parallel_verifications: 2 }
    }
}

/// `[projects]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Projects {
    /// Projects to make at the start where they are missing; none is ever removed.
    pub names: Vec<String>,
}

impl Default for Projects {
    fn default() -> Self {
        Self { names: vec![vivarium_domain::project::DEFAULT_PROJECT_NAME.to_owned()] }
    }
}

/// `[runtimes]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuntimeDefaults {
    /// Packages of the default runtime when the first start creates it, such as `mstrio-py==11.6.10.101`.
    pub default_packages: Vec<String>,
    /// Most cores that a runtime may ask for; 0 means all there are.
    pub max_cores: u32,
    /// Most memory that a runtime may ask for; 0 means all there is.
    pub max_memory_mib: u64,
    /// Most writable space that a runtime may ask for; it is taken from memory. 0 means as much as memory.
    pub max_disk_mib: u64,
}

impl Default for RuntimeDefaults {
    fn default() -> Self {
        Self { default_packages: vec!["mstrio-py".to_owned()], max_cores: 0, max_memory_mib: 0, max_disk_mib: 0 }
    }
}

/// `[evaluations]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Evaluations {
    /// Evaluations that run at once on this node; 0 means two a core.
    pub max_running: usize,
    /// Evaluations that wait at once on this node; more are refused.
    pub max_queued: usize,
    /// What is kept of each of standard output and standard error.
    pub output_bytes: usize,
    /// What the JSON text of a result may have.
    pub result_bytes: usize,
    /// What a source text may have.
    pub source_bytes: usize,
    /// Records are removed so long after the evaluation has ended.
    pub keep_seconds: u64,
    /// Of the rest so many of the newest records are kept.
    pub keep_count: u64,
    /// How long running evaluations may go on when the server stops.
    pub grace_seconds: u64,
}

impl Default for Evaluations {
    fn default() -> Self {
        Self {
            max_running: 0,
            max_queued: 1000,
            output_bytes: 1 << 20,
            result_bytes: 1 << 20,
            source_bytes: 4 << 20,
            keep_seconds: 7 * 86_400,
            keep_count: 100_000,
            grace_seconds: 10,
        }
    }
}

/// `[pool]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pool {
    /// Parked instances of all runtimes together on this node, those that are coming up included; 0 parks none.
    pub max_parked: usize,
    /// Instances that come up at the same time to be parked; 0 means one a core.
    pub parallel_starts: usize,
    /// Parked instances are replaced after so long.
    pub max_age_seconds: u64,
}

impl Default for Pool {
    fn default() -> Self {
        Self { max_parked: 100, parallel_starts: 0, max_age_seconds: 3600 }
    }
}

/// `[packages]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Packages {
    /// Package index; what pip is configured to use if absent.
    pub index_url: Option<String>,
    /// Further indexes; if empty, what pip is configured to use.
    pub extra_index_urls: Vec<String>,
    /// Directories or pages with wheels; if empty, what pip is configured to use.
    pub find_links: Vec<String>,
    /// Whether nothing may be fetched: only what is in the cache is installed.
    pub offline: bool,
    /// Whether packages without wheels are built from source, in the sandbox.
    pub source_builds: bool,
    /// The executable of uv; looked for, or obtained with pip, if absent.
    pub uv: Option<PathBuf>,
    /// Longest time of one build.
    pub build_seconds: u64,
    /// Largest environment.
    pub build_bytes: u64,
    /// Builds at the same time.
    pub parallel_builds: usize,
}

impl Default for Packages {
    fn default() -> Self {
        Self {
            index_url: None,
            extra_index_urls: Vec::new(),
            find_links: Vec::new(),
            offline: false,
            source_builds: true,
            uv: None,
            build_seconds: 900,
            build_bytes: 8 << 30,
            parallel_builds: 2,
        }
    }
}

/// `[interpreters]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Interpreters {
    /// Executables of Python beside those on PATH, of pyenv and of uv.
    pub paths: Vec<PathBuf>,
}

/// `[sandbox]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SandboxSection {
    /// Layers that may be missing on this host: own-uid, groups, proc, cgroup-memory, cgroup-cpu, cgroup-pids,
    /// seccomp, landlock.
    /// Each makes instances weaker; `vivarium doctor` tells which are missing.
    pub lower: Vec<Layer>,
    /// The lowest user id for instances; used only when the server runs as root.
    pub first_user_id: u32,
    /// How many user ids for instances.
    pub user_id_count: u32,
    /// How long an instance may take to come up.
    pub start_timeout_seconds: u64,
    /// Who is asked for names by instances of runtimes with a whitelist, `IP` or `IP:PORT`; without, no name is known.
    pub resolver: Option<String>,
    /// Whether instances of all runtimes may reach this server's own interface, as `http://vivarium.internal/`.
    pub allow_api: bool,
}

impl Default for SandboxSection {
    fn default() -> Self {
        let ids = vivarium_sandbox::IdRange::default();
        Self {
            lower: Vec::new(),
            first_user_id: ids.first,
            user_id_count: ids.count,
            start_timeout_seconds: 10,
            resolver: None,
            allow_api: false,
        }
    }
}

/// `[mfp]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mfp {
    /// `productVersion` in its answers.
    pub product_version: String,
    /// Whether its JSON is indented.
    pub pretty_json: bool,
}

impl Default for Mfp {
    fn default() -> Self {
        Self { product_version: "8.0.0.0".to_owned(), pretty_json: false }
    }
}

/// `[log]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// Form of the lines on standard error: `text` or `json`.
    pub format: LogFormat,
    /// What to log: a level, or directives such as `info,vivarium::access=warn`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}
