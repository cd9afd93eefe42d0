//! `vivarium doctor`: what this host can and cannot do. It disturbs no server that runs meanwhile.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use serde_json::{Value, json};
use vivarium_domain::ports::{Environments, Store};
use vivarium_python::{PythonEnvironments, PythonSettings};
use vivarium_sandbox::probe::{self, NetworkProof, State};

use crate::Environment;
use crate::command_line::{DoctorOptions, OutputForm};
use crate::configuration::{Configuration, load_for_store};
use crate::executor::block_on;
use crate::fault::{Context, Outcome};
use crate::output;
use crate::server::{self, DataDirectory};

/// A database that takes longer does not count as reachable.
const PATIENCE: Duration = Duration::from_secs(10);

/// One line of the report.
struct Row {
    part: String,
    state: &'static str,
    /// Whether the server can do its work with it.
    fine: bool,
    proof: String,
    remedy: Option<String>,
}

impl Row {
    fn on(part: impl Into<String>, proof: impl Into<String>) -> Self {
        Self { part: part.into(), state: "on", fine: true, proof: proof.into(), remedy: None }
    }

    fn missing(part: impl Into<String>, proof: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { part: part.into(), state: "missing", fine: false, proof: proof.into(), remedy: Some(remedy.into()) }
    }
}

/// Prints the report.
pub(crate) fn execute(options: &DoctorOptions, environment: &Environment) -> Outcome<ExitCode> {
    let configuration = load_for_store(&options.store, environment)?;
    let rows = block_on(examine(&configuration, environment))?;
    let fine = rows.iter().all(|row| row.fine);
    output::data(&match options.output {
        OutputForm::Text => as_text(&rows),
        OutputForm::Json => format!("{:#}", json!({"ok": fine, "rows": rows.iter().map(as_json).collect::<Value>()})),
    });
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn examine(configuration: &Configuration, environment: &Environment) -> Outcome<Vec<Row>> {
    let mut rows = vec![data_directory(configuration)];
    rows.push(database(configuration).await);
    rows.extend(python(configuration, environment).await?);
    rows.extend(sandbox(configuration).await?);
    Ok(rows)
}

fn data_directory(configuration: &Configuration) -> Row {
    let part = "data directory";
    let remedy = "name a directory that this user may write to with `--data-dir`";
    let data = match DataDirectory::ensure(configuration) {
        Ok(data) => data,
        Err(fault) => return Row::missing(part, fault.message(), remedy),
    };
    let path = data.path();
    match tempfile::tempfile_in(path) {
        Ok(_) => Row::on(part, format!("`{}` is writable, on {}", path.display(), file_system(path))),
        Err(error) => Row::missing(part, format!("`{}` is not writable: {error}", path.display()), remedy),
    }
}

/// Name of the file system, by its longest mount point in `/proc/self/mountinfo` (proc(5)).
fn file_system(path: &Path) -> String {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mounts = table.lines().filter_map(|line| {
        let (front, back) = line.split_once(" - ")?;
        Some((front.split(' ').nth(4)?, back.split(' ').next()?))
    });
    let below = mounts.filter(|(point, _)| path.starts_with(point));
    below
        .max_by_key(|(point, _)| point.len())
        .map_or_else(|| "an unknown file system".to_owned(), |(_, kind)| kind.to_owned())
}

async fn database(configuration: &Configuration) -> Row {
    let part = "database";
    match tokio::time::timeout(PATIENCE, ping(configuration)).await {
        Ok(Ok(url)) => Row::on(part, format!("`{url}` answers")),
        Ok(Err(fault)) => Row::missing(part, fault.message(), fault.advice().unwrap_or("correct `database.url`")),
        Err(_) => {
            let proof = format!("no answer within {} s", PATIENCE.as_secs());
            Row::missing(part, proof, "check that the database runs and can be reached from here")
        }
    }
}

async fn ping(configuration: &Configuration) -> Outcome<String> {
    let data = DataDirectory::ensure(configuration)?;
    let settings = server::store_settings(configuration, &data)?;
    let url = settings.url.to_string();
    let store = server::open_store(settings).await?;
    let result = store.ping().await.context("cannot use the database");
    store.close().await;
    result.map(|()| url)
}

/// Interpreters and uv. A directory of its own keeps the server's environments out of it.
async fn python(configuration: &Configuration, environment: &Environment) -> Outcome<Vec<Row>> {
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    let settings = server::python_settings(configuration, directory.path(), environment);
    let uv = uv(&settings, configuration);
    let environments = PythonEnvironments::open(settings).await.context("cannot look for interpreters")?;
    let found = environments.interpreters();
    let mut rows: Vec<_> = found
        .iter()
        .map(|interpreter| {
            Row::on(format!("python {}", interpreter.version), interpreter.executable.display().to_string())
        })
        .collect();
    if rows.is_empty() {
        let remedy = "install Python (`apt install python3`), or name it in `interpreters.paths`";
        rows.push(Row::missing("python", "no interpreter was found", remedy));
    }
    rows.push(uv);
    Ok(rows)
}

fn uv(settings: &PythonSettings, configuration: &Configuration) -> Row {
    let installer = &settings.installer;
    let searched = installer.search_path.iter().map(|directory| directory.join("uv"));
    let program: Option<PathBuf> = installer.uv.clone().or_else(|| searched.into_iter().find(|path| path.is_file()));
    let Some(program) = program else {
        return if configuration.packages.offline {
            let proof = "it is not on PATH, and nothing may be fetched";
            Row::missing("uv", proof, "install uv, or name it in `packages.uv`")
        } else {
            Row { state: "on demand", ..Row::on("uv", "obtained with pip at first need") }
        };
    };
    match Command::new(&program).arg("--version").output() {
        Ok(answer) if answer.status.success() => {
            let version = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
            Row::on("uv", format!("{version} in `{}`", program.display()))
        }
        Ok(answer) => {
            Row::missing("uv", format!("`{}` ended with {}", program.display(), answer.status), "reinstall uv")
        }
        Err(error) => {
            let proof = format!("`{}` cannot be started: {error}", program.display());
            Row::missing("uv", proof, "correct `packages.uv`")
        }
    }
}

async fn sandbox(configuration: &Configuration) -> Outcome<Vec<Row>> {
    // A name of its own, so that nothing of a server that runs is touched.
    let name = format!("doctor-{}", std::process::id());
    let mut settings = server::sandbox_settings(configuration, &name)?;
    // The probe shows the program to its instances, so it needs a path that leads to it from everywhere.
    settings.launcher.program = std::env::current_exe().context("cannot find this program's own file")?;
    let network = network(probe::prove_network(settings.clone()).await);
    Ok(probe::run(settings).await.into_iter().map(layer).chain([network]).collect())
}

/// Without it runtimes that have a whitelist are refused; the others do not need it.
fn network(proof: NetworkProof) -> Row {
    let state = if proof.state == State::On { "on" } else { "missing" };
    Row { part: "network whitelist".to_owned(), state, fine: true, proof: proof.proof, remedy: proof.remedy }
}

fn layer(row: probe::Row) -> Row {
    let (state, fine) = match row.state {
        State::On => ("on", true),
        State::Lowered => ("lowered", true),
        State::Missing => ("missing", false),
    };
    Row { part: format!("sandbox {}", row.layer), state, fine, proof: row.proof, remedy: row.remedy }
}

fn as_text(rows: &[Row]) -> String {
    let heading = ["PART", "STATE", "PROOF"].map(str::to_owned).to_vec();
    let lines = rows.iter().map(|row| vec![row.part.clone(), row.state.to_owned(), row.proof.clone()]);
    let mut text = output::table(&[heading].into_iter().chain(lines).collect::<Vec<_>>());
    for row in rows.iter().filter(|row| row.remedy.is_some()) {
        text.push_str(&format!("\nhint: {}: {}", row.part, row.remedy.as_deref().unwrap_or_default()));
    }
    text
}

fn as_json(row: &Row) -> Value {
    json!({"part": row.part, "state": row.state, "ok": row.fine, "proof": row.proof, "remedy": row.remedy})
}
