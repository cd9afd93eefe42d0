//! From the configuration to what each adapter wants to be told.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vivarium_domain::account::{Accounts, LoginAttempts, Passwords, SessionSettings, TokenSecret};
use vivarium_domain::evaluation::Introduction;
use vivarium_domain::ports::{Predefined, Store};
use vivarium_domain::time::SystemClock;
use vivarium_python::{PoolSettings, PythonSettings};
use vivarium_sandbox::network::{API_URL, NetworkSettings};
use vivarium_sandbox::{IdRange, LauncherCommand, Settings};
use vivarium_store::{DatabaseUrl, SqlStore, StoreSettings};
use vivarium_strategy::connection_data;

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

/// The network of instances; `address` is where this server listens.
pub(crate) fn network_settings(configuration: &Configuration, address: SocketAddr) -> Outcome<NetworkSettings> {
    let section = &configuration.sandbox;
    let resolver = section.resolver.as_deref().map(resolver).transpose()?;
    if section.allow_api && configuration.tls.certificate.is_some() {
        return Err(Fault::usage("cannot use the setting `sandbox.allow_api` together with `tls.certificate`")
            .hint("let a proxy in front of this server encrypt"));
    }
    let api = section.allow_api.then(|| reachable(address));
    Ok(NetworkSettings { resolver, api })
}

/// How scripts find this server, if they may reach it.
pub(crate) fn introduction(configuration: &Configuration) -> Option<Introduction> {
    let base = format!("{API_URL}MicroStrategyLibrary/");
    let name = configuration.server.node_name.clone().unwrap_or_else(host::host_name);
    let introduce = move |session: &TokenSecret| Predefined(connection_data(&base, &name, session));
    configuration.sandbox.allow_api.then(|| Arc::new(introduce) as Introduction)
}

/// Reads `IP` or `IP:PORT`.
fn resolver(text: &str) -> Outcome<SocketAddr> {
    const NAME_PORT: u16 = 53;
    let address = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, NAME_PORT));
    address.or_else(|_| text.parse()).map_err(|_| {
        Fault::usage(format!("cannot use the setting `sandbox.resolver`: `{text}` is neither `IP` nor `IP:PORT`"))
    })
}

/// Who listens on all addresses is reached by the loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback = match address.ip() {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    SocketAddr::new(loopback, address.port())
}

/// What parked instances may take.
pub(crate) fn pool_settings(configuration: &Configuration) -> PoolSettings {
    let section = &configuration.pool;
    let parallel_starts = if section.parallel_starts == 0 { host::cores() } else { section.parallel_starts };
    let max_age = Duration::from_secs(section.max_age_seconds);
    PoolSettings { max_parked: section.max_parked, parallel_starts, max_age, ..PoolSettings::default() }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_resolver_may_carry_a_port() {
        assert_eq!(resolver("192.0.2.1").unwrap().to_string(), "192.0.2.1:53");
        assert_eq!(resolver("192.0.2.1:5353").unwrap().to_string(), "192.0.2.1:5353");
        assert_eq!(resolver("2001:db8::1").unwrap().to_string(), "[2001:db8::1]:53");
        assert!(resolver("localhost").is_err());
    }

    #[test]
    fn a_server_on_all_addresses_is_reached_by_the_loopback() {
        assert_eq!(reachable("0.0.0.0:80".parse().unwrap()).to_string(), "127.0.0.1:80");
        assert_eq!(reachable("[::]:80".parse().unwrap()).to_string(), "[::1]:80");
        assert_eq!(reachable("192.0.2.1:80".parse().unwrap()).to_string(), "192.0.2.1:80");
    }
}
