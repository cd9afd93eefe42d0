//! `vivarium runtime list|stop|start|synchronize`

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::Environment;
use crate::client::{Client, RuntimeDocument};
use crate::command_line::{OutputForm, RuntimeListOptions, RuntimeOptions, RuntimeVerb};
use crate::fault::Outcome;
use crate::output;

/// Does what the verb says.
pub(crate) fn execute(verb: &RuntimeVerb, environment: &Environment) -> Outcome<ExitCode> {
    match verb {
        RuntimeVerb::List(options) => list(options, environment),
        RuntimeVerb::Stop(options) => operate(options, environment, "stop", "stopped"),
        RuntimeVerb::Start(options) => operate(options, environment, "start", "started"),
        RuntimeVerb::Synchronize(options) => operate(options, environment, "synchronize", "synchronizing"),
    }
}

fn list(options: &RuntimeListOptions, environment: &Environment) -> Outcome<ExitCode> {
    let client = Client::connect(&options.connection, environment)?;
    let runtimes = client.runtimes()?;
    client.log_out();
    output::data(&match options.output {
        OutputForm::Text => as_text(&runtimes),
        OutputForm::Json => format!("{:#}", runtimes.iter().map(as_json).collect::<Value>()),
    });
    Ok(ExitCode::SUCCESS)
}

fn operate(options: &RuntimeOptions, environment: &Environment, action: &str, done: &str) -> Outcome<ExitCode> {
    let client = Client::connect(&options.connection, environment)?;
    let runtime = client.runtime(&options.runtime)?;
    client.operate(&runtime, action)?;
    client.log_out();
    output::talk(&format!("{done}: `{}`", runtime.name));
    Ok(ExitCode::SUCCESS)
}

fn as_text(runtimes: &[RuntimeDocument]) -> String {
    let heading = ["NAME", "PYTHON", "STATUS", "ID"].map(str::to_owned).to_vec();
    let row = |runtime: &RuntimeDocument| {
        let status = if runtime.stopped { "stopped" } else { &runtime.status };
        [&runtime.name, &runtime.python, status, &runtime.id].map(str::to_owned).to_vec()
    };
    output::table(&[heading].into_iter().chain(runtimes.iter().map(row)).collect::<Vec<_>>())
}

fn as_json(runtime: &RuntimeDocument) -> Value {
    json!({"id": runtime.id, "name": runtime.name, "python": runtime.python, "status": runtime.status, "stopped": runtime.stopped})
}
