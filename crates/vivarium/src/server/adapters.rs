//! From the configuration to what each adapter wants to be told.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vivarium_domain::account::{Accounts, LoginAttempts, Passwords, SessionSettings};
use vivarium_domain::ports::Store;
use vivarium_domain::time::SystemClock;
use vivarium_python::{PoolSettings, PythonSettings};
use vivarium_sandbox::{IdRange, LauncherCommand, Settings};
use vivarium_store::{DatabaseUrl, SqlStore, StoreSettings};

use super::data_directory::DataDirectory;
use super::host;
use crate::configuration::Configuration;
use crate::fault::{Context, Fault, Outcome, chain};
use crate::{Environment, SANDBOX_LAUNCHER};

/// Where the database is: what is configured, else SQLite in the data directory.
pub(crate) fn store_settings(configuration: &Configuration, data: &DataDirectory) -> Outcome<StoreSettings> {
    let Some(text) = &configuration.database.url else {
        return Ok(StoreSettings { url: DatabaseUrl::sqlite(data.database()) });
    };
    let url = text.parse().map_err(|error| Fault::usage(format!("cannot use the database URL: {error}")))?;
    Ok(StoreSettings { url })
}

/// Opens the database.
pub(crate) async fn open_store(settings: StoreSettings) -> Outcome<Arc<SqlStore>> {
    let opened = SqlStore::open(settings).await;
    opened.map(Arc::new).map_err(|error| {
        let text = chain(&error);
        let fault =
            Fault::new(if text.starts_with("cannot") { text } else { format!("cannot open the database: {text}") });
        match error.hint() {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    })
}

/// The use cases of accounts.
pub(crate) fn accounts(configuration: &Configuration, store: Arc<dyn Store>) -> Outcome<Arc<Accounts>> {
    let (login, sessions) = (&configuration.login, &configuration.sessions);
    let passwords = Passwords::new(login.parallel_verifications.max(1)).context("cannot hash passwords")?;
    let window = Duration::from_secs(login.window_seconds);
    let attempts = LoginAttempts::new(login.attempts_per_address, login.attempts_per_user, window);
    let settings = SessionSettings {
        idle: Duration::from_secs(sessions.idle_seconds),
        absolute: Duration::from_secs(sessions.absolute_seconds),
        identity_lifetime: Duration::from_secs(sessions.identity_token_seconds),
    };
    Ok(Arc::new(Accounts::new(store, Arc::new(SystemClock), passwords, attempts, settings)))
}

/// This program in its role as the sandbox's launcher: the very file that runs now, even if an upgrade
/// has put another one in its place meanwhile (proc_pid_exe(5)).
fn launcher() -> LauncherCommand {
    LauncherCommand { program: "/proc/self/exe".into(), args: vec![SANDBOX_LAUNCHER.to_owned()] }
}

/// The sandbox of a server; `name` is its own on this host.
pub(crate) fn sandbox_settings(configuration: &Configuration, name: &str) -> Outcome<Settings> {
    let section = &configuration.sandbox;
    let mut settings = Settings::new(launcher(), format!("vivarium-{name}"));
    settings.ids = IdRange { first: section.first_user_id, count: section.user_id_count };
    settings.start_timeout = Duration::from_secs(section.start_timeout_seconds);
    for layer in &section.lower {
        settings.demands.lower(*layer).map_err(|error| {
            Fault::usage(format!("cannot use the setting `sandbox.lower`: {error}")).hint(
                "own-uid, groups, proc, cgroup-memory, cgroup-cpu, cgroup-pids, seccomp and landlock can be lowered",
            )
        })?;
    }
    Ok(settings)
}

/// What parked instances may take.
pub(crate) fn pool_settings(configuration: &Configuration) -> PoolSettings {
    let section = &configuration.pool;
    let parallel_starts = if section.parallel_starts == 0 { host::cores() } else { section.parallel_starts };
    let max_age = Duration::from_secs(section.max_age_seconds);
    PoolSettings { max_parked: section.max_parked, parallel_starts, max_age }
}

/// Interpreters, installer and builds.
pub(crate) fn python_settings(configuration: &Configuration, data: &Path, environment: &Environment) -> PythonSettings {
    let packages = &configuration.packages;
    let mut settings = PythonSettings::new(data, environment.clone());
    settings.discovery.configured.clone_from(&configuration.interpreters.paths);
    settings.installer.uv.clone_from(&packages.uv);
    settings.installer.index_url.clone_from(&packages.index_url);
    settings.installer.extra_index_urls.clone_from(&packages.extra_index_urls);
    settings.installer.find_links.clone_from(&packages.find_links);
    settings.installer.offline = packages.offline;
    settings.installer.source_builds = packages.source_builds;
    settings.builds.time = Duration::from_secs(packages.build_seconds);
    settings.builds.size_bytes = packages.build_bytes;
    settings.builds.parallel = packages.parallel_builds.max(1);
    settings
}
