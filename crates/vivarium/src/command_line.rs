//! The command line: every verb and flag, with the help that is enough to use it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const AFTER_HELP: &str = "\
Examples:
  vivarium serve                                   serve on 127.0.0.1:8080
  vivarium doctor                                  what this host can and cannot do
  echo 'print(6 * 7)' | vivarium run -             run a script in the default runtime
  vivarium user add anna --role mfpmonitor --password-stdin < password.txt

Exit status: 0 success, 1 the action failed, 2 wrong usage or configuration.";

/// A self-hosted server for Python runtimes.
#[derive(Debug, Parser)]
#[command(name = "vivarium", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Serve until SIGTERM or Ctrl-C.
    Serve(ServeOptions),
    /// Run a local file in a runtime of a server, with its output live.
    Run(RunOptions),
    /// List, stop, start and synchronize the runtimes of a server.
    #[command(subcommand)]
    Runtime(RuntimeVerb),
    /// Add, list and remove users; works on the database, also while a server runs.
    #[command(subcommand)]
    User(UserVerb),
    /// Report what this host can and cannot do, each with a proof or a remedy.
    Doctor(DoctorOptions),
    /// Show the configuration in force.
    #[command(subcommand)]
    Config(ConfigVerb),
}

/// Where the data are: for all verbs that need the store.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct StoreOptions {
    /// Directory for everything the server keeps [env: VIVARIUM_DATA_DIR] [default: ~/.local/share/vivarium].
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// `postgres://USER:PASSWORD@HOST:PORT/NAME`, or `sqlite:PATH` [env: VIVARIUM_DATABASE_URL] [default: SQLite in
    /// the data directory].
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// TOML file with further settings [env: VIVARIUM_CONFIG].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Options of `serve`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
The administrator is created at the first start, with the password from VIVARIUM_ADMIN_PASSWORD
or a generated one that is printed once. All further settings are in the TOML file;
`vivarium config show` lists every one of them.

Examples:
  vivarium serve --listen 0.0.0.0:8080 --data-dir /var/lib/vivarium
  vivarium serve --listen 127.0.0.1:0 --data-dir ./data     a free port, printed once it answers
  vivarium serve --database-url postgres://vivarium@db/vivarium --node-name node-1")]
pub(crate) struct ServeOptions {
    /// Address to listen on, `HOST:PORT`; port 0 picks a free one [env: VIVARIUM_LISTEN] [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Name of this node, unique among those that share a database [env: VIVARIUM_NODE_NAME] [default: host name].
    #[arg(long, value_name = "NAME")]
    pub node_name: Option<String>,
    /// Where the data are.
    #[command(flatten)]
    pub store: StoreOptions,
}

/// Form of what goes to standard output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputForm {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Verbs about users.
#[derive(Debug, Subcommand)]
pub(crate) enum UserVerb {
    /// Add a user.
    #[command(after_help = "\
A user without a role may run code in every runtime that its access list allows.

Examples:
  vivarium user add anna --password-stdin < password.txt
  vivarium user add ops --role mfpoperator --role mfpmonitor --full-name 'The operators' --password-stdin < p")]
    Add(UserAddOptions),
    /// List all users.
    List(UserListOptions),
    /// Remove a user with all their sessions and tokens.
    Remove(UserRemoveOptions),
}

/// Options of `user add`.
#[derive(Debug, Args)]
pub(crate) struct UserAddOptions {
    /// Name to log in with.
    pub name: String,
    /// Role to grant: mfpadmin, mfpdeployer, mfpoperator or mfpmonitor; may be repeated.
    #[arg(long = "role", value_name = "ROLE")]
    pub roles: Vec<String>,
    /// Name to show.
    #[arg(long, value_name = "NAME")]
    pub full_name: Option<String>,
    /// Read the password from standard input, up to the end of its first line.
    #[arg(long, required = true)]
    pub password_stdin: bool,
    /// Where the data are.
    #[command(flatten)]
    pub store: StoreOptions,
}

/// Options of `user list`.
#[derive(Debug, Args)]
pub(crate) struct UserListOptions {
    /// Form of the list.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: OutputForm,
    /// Where the data are.
    #[command(flatten)]
    pub store: StoreOptions,
}

/// Options of `user remove`.
#[derive(Debug, Args)]
pub(crate) struct UserRemoveOptions {
    /// Name to log in with.
    pub name: String,
    /// Where the data are.
    #[command(flatten)]
    pub store: StoreOptions,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 if everything that the configuration demands is there, else 1.")]
pub(crate) struct DoctorOptions {
    /// Form of the report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: OutputForm,
    /// Where the data are.
    #[command(flatten)]
    pub store: StoreOptions,
}

/// Verbs about the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Print every setting with its value and where it comes from; secrets are masked.
    #[command(after_help = "\
Flags win over environment variables, these over the file, and the file over the defaults.

Examples:
  vivarium config show --config vivarium.toml
  vivarium config show --output json | jq '.\"evaluations.max_running\"'")]
    Show(ConfigShowOptions),
}

/// Options of `config show`.
#[derive(Debug, Args)]
pub(crate) struct ConfigShowOptions {
    /// Form of the list.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: OutputForm,
    /// The same flags as `serve`.
    #[command(flatten)]
    pub serve: ServeOptions,
}

/// How to reach a server: for all verbs that speak HTTP.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConnectionOptions {
    /// Address of the server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// User to log in as; the password comes by --password-stdin.
    #[arg(long, value_name = "NAME", requires = "password_stdin", conflicts_with_all = ["token_file", "data_dir"])]
    pub user: Option<String>,
    /// Read the password from the first line of standard input.
    #[arg(long, requires = "user")]
    pub password_stdin: bool,
    /// File with an API token; without it the token in VIVARIUM_TOKEN is used.
    #[arg(long, value_name = "FILE", conflicts_with = "data_dir")]
    pub token_file: Option<PathBuf>,
    /// File with the certificates of the authorities to trust for https, instead of the public ones.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Where the data of a server on this machine are: who may read them acts as the administrator.
    #[command(flatten)]
    pub store: StoreOptions,
}

/// Options of `run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Credentials are taken from --user, else --token-file, else VIVARIUM_TOKEN; without any of these the
data directory of a server on this machine opens a session as the administrator.

Exit status: that of the script (0, or N after `sys.exit(N)`, 1 after an exception), 124 when a time
limit has passed, 130 when it was cancelled. Ctrl-C cancels the evaluation.

Examples:
  vivarium run report.py
  vivarium run report.py --runtime Reports --url https://vivarium.example --token-file token
  echo 'print(6 * 7)' | vivarium run -")]
pub(crate) struct RunOptions {
    /// Python file to run; `-` is standard input.
    pub file: PathBuf,
    /// Name or id of the runtime; without it the server's default runtime.
    #[arg(long, value_name = "NAME|ID")]
    pub runtime: Option<String>,
    /// Cancel after so many seconds; without it only the runtime's own time limit counts.
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// How to reach the server.
    #[command(flatten)]
    pub connection: ConnectionOptions,
}

/// Verbs about the runtimes of a server.
#[derive(Debug, Subcommand)]
pub(crate) enum RuntimeVerb {
    /// List the runtimes.
    List(RuntimeListOptions),
    /// Stop a runtime: it ends what runs in it and refuses evaluations until it is started.
    Stop(RuntimeOptions),
    /// Start a stopped runtime.
    Start(RuntimeOptions),
    /// Try again to provide what is missing in a runtime.
    Synchronize(RuntimeOptions),
}

/// Options of `runtime list`.
#[derive(Debug, Args)]
pub(crate) struct RuntimeListOptions {
    /// Form of the list.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: OutputForm,
    /// How to reach the server.
    #[command(flatten)]
    pub connection: ConnectionOptions,
}

/// Options of the other verbs about runtimes.
#[derive(Debug, Args)]
pub(crate) struct RuntimeOptions {
    /// Name or id of the runtime.
    #[arg(value_name = "NAME|ID")]
    pub runtime: String,
    /// How to reach the server.
    #[command(flatten)]
    pub connection: ConnectionOptions,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }
}
