//! Start and end of a server.
//!
//! Start: data directory, address, database, sandbox, interpreters, recovery, registration, administrator, projects;
//! then HTTP answers, and environments are brought in step in the background.
//! End: nothing more is accepted; evaluations end within their grace time or are cancelled with a reason; streams and
//! requests end; the node says goodbye; cgroups are removed. After `kill -9` the next start does what was left.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vivarium_http::{Front, FrontSettings, Listener, ListenerSettings, OriginSettings, Tls};

use super::assembly::Assembly;
use super::data_directory::{DataDirectory, Lock};
use super::measurements::Measurements;
use super::readiness::Readiness;
use super::signals::EndSignals;
use super::{dialects, health};
use crate::Environment;
use crate::configuration::{Configuration, TlsFiles};
use crate::fault::{Context, Fault, Outcome, chain};
use crate::output;

/// How long followers of evaluations have to read the last events once everything has ended.
const STREAM_PATIENCE: Duration = Duration::from_secs(2);

/// A server that answers.
struct Running {
    store: Arc<vivarium_store::SqlStore>,
    sandbox: vivarium_sandbox::Sandbox,
    instances: Arc<vivarium_python::PythonInstances>,
    evaluations: Arc<vivarium_domain::evaluation::Evaluations>,
    readiness: Readiness,
    http: JoinHandle<()>,
    /// Ends accepting.
    stop: CancellationToken,
    /// Ends streams of events.
    end_of_streams: CancellationToken,
    /// Ends what runs in the background.
    shutdown: CancellationToken,
    background: TaskTracker,
    /// The last to go.
    _lock: Lock,
}

/// Serves until a signal comes.
pub(crate) async fn run(configuration: &Configuration, environment: &Environment) -> Outcome<()> {
    let mut signals = EndSignals::catch()?;
    let running = tokio::select! {
        running = start(configuration, environment) => running?,
        name = signals.next() => {
            tracing::info!(signal = name, "ended before the start was complete");
            return Ok(());
        }
    };
    let name = signals.next().await;
    tracing::info!(signal = name, "stopping; a second signal ends at once");
    signals.end_at_once_on_next();
    running.end().await;
    tracing::info!("stopped");
    Ok(())
}

async fn start(configuration: &Configuration, environment: &Environment) -> Outcome<Running> {
    let measurements = Measurements::start()?;
    let data = DataDirectory::ensure(configuration)?;
    let lock = data.lock()?;
    let listener = listen(configuration).await?;
    let address = listener.address();
    let assembly = Assembly::build(configuration, &data, environment, address).await?;
    if let Some(password) = assembly.prepare(configuration).await? {
        output::talk(&format!("the password of `administrator` is `{password}`; it is not shown again"));
    }
    let running = go(assembly, configuration, measurements, listener, lock);
    let scheme = if configuration.tls.certificate.is_some() { "https" } else { "http" };
    output::data(&format!("listening on {scheme}://{address}"));
    Ok(running)
}

/// Sets everything going.
fn go(
    assembly: Assembly,
    configuration: &Configuration,
    measurements: Measurements,
    listener: Listener,
    lock: Lock,
) -> Running {
    let readiness = Readiness::new(assembly.store.clone(), assembly.environments.clone(), assembly.sandbox.clone());
    let others = health::router(readiness.clone(), measurements.clone(), assembly.evaluations.clone());
    let settings = front_settings(configuration);
    let end_of_streams = settings.end_of_streams.clone();
    let front = Front::new(dialects::mounts(&assembly, configuration), others, settings);
    let (stop, shutdown, background) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
    let http = tokio::spawn(listener.serve(front, stop.clone()));
    let Assembly { store, sandbox, instances, evaluations, nodes, synchronizer, .. } = assembly;
    let token = shutdown.clone();
    background.spawn(async move { nodes.run(token).await });
    background.spawn(synchronizer.run(shutdown.clone()));
    background.spawn(measurements.run(shutdown.clone()));
    let (keeper, token) = (evaluations.clone(), shutdown.clone());
    background.spawn(async move { keeper.run_housekeeping(token).await });
    background.close();
    Running {
        store,
        sandbox,
        instances,
        evaluations,
        readiness,
        http,
        stop,
        end_of_streams,
        shutdown,
        background,
        _lock: lock,
    }
}

impl Running {
    async fn end(mut self) {
        self.readiness.stop();
        self.stop.cancel();
        self.evaluations.shut_down().await;
        // Whoever follows an evaluation is being told its end, which ends the stream; others are cut off.
        let told = tokio::time::timeout(STREAM_PATIENCE, &mut self.http).await;
        self.end_of_streams.cancel();
        let ended = match told {
            Ok(ended) => ended,
            Err(_) => self.http.await,
        };
        if let Err(error) = ended {
            tracing::error!(%error, "the HTTP server ended with a panic");
        }
        self.shutdown.cancel();
        self.background.wait().await;
        self.instances.close();
        self.sandbox.close().await;
        self.store.close().await;
    }
}

async fn listen(configuration: &Configuration) -> Outcome<Listener> {
    let server = &configuration.server;
    let settings = ListenerSettings {
        header_timeout: Duration::from_secs(server.header_timeout_seconds),
        max_connections: server.max_connections,
        // Long polls go on as long as evaluations do.
        grace: Duration::from_secs(configuration.evaluations.grace_seconds + server.grace_seconds),
        tls: tls(&configuration.tls)?,
    };
    Listener::bind(&server.listen, settings)
        .await
        .context(format!("cannot listen on `{}`", server.listen))
        .map_err(|fault| fault.hint("choose another address with `--listen`; port 0 picks a free one"))
}

fn tls(files: &TlsFiles) -> Outcome<Option<Tls>> {
    match (&files.certificate, &files.key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Tls::from_files(certificate, key).map(Some).map_err(|error| {
            Fault::new(chain(&error)).hint("`tls.certificate` and `tls.key` are PEM files that belong together")
        }),
        _ => Err(Fault::usage("cannot encrypt connections: one of `tls.certificate` and `tls.key` is missing")),
    }
}

fn front_settings(configuration: &Configuration) -> FrontSettings {
    let (server, proxy) = (&configuration.server, &configuration.proxy);
    FrontSettings {
        body_limit: server.body_limit_bytes,
        header_bytes: server.header_limit_bytes,
        header_count: server.header_count,
        time_limit: Duration::from_secs(server.request_timeout_seconds),
        origin: OriginSettings {
            trusted_proxies: proxy.trusted.clone(),
            scheme: proxy.scheme.map(|scheme| scheme.as_str().to_owned()),
            host: proxy.host.clone(),
            port: proxy.port,
        },
        end_of_streams: CancellationToken::new(),
    }
}
