//! `vivarium serve`

use std::process::ExitCode;

use crate::Environment;
use crate::command_line::ServeOptions;
use crate::configuration::load;
use crate::fault::{Context, Outcome};
use crate::server;

/// Serves until a signal comes.
pub(crate) fn execute(options: &ServeOptions, environment: &Environment) -> Outcome<ExitCode> {
    let configuration = load(options, environment)?.configuration;
    server::start_logging(&configuration.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime of the program")?;
    runtime.block_on(server::run(&configuration, environment))?;
    Ok(ExitCode::SUCCESS)
}
