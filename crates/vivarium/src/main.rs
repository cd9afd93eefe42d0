//! `vivarium`: the composition root and the command line. One file per verb in [`verbs`].
//!
//! The environment is read here, once, and passed down as values. Only this crate names concrete adapters.

mod client;
mod command_line;
mod configuration;
mod executor;
mod fault;
mod input;
mod output;
mod server;
mod verbs;

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Parser;

use command_line::{CommandLine, Verb};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The word by which the sandbox starts this program as its launcher.
const SANDBOX_LAUNCHER: &str = "sandbox-launcher";

/// The variables of the process that are UTF-8.
type Environment = BTreeMap<String, String>;

fn main() -> ExitCode {
    // The launcher may not have any thread but its first: it comes before everything else.
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == SANDBOX_LAUNCHER) {
        return vivarium_sandbox::launcher::main(words.map(|word| word.to_string_lossy().into_owned()));
    }
    let environment = read_environment();
    let result = match CommandLine::parse().verb {
        Verb::Serve(options) => verbs::serve::execute(&options, &environment),
        Verb::Run(options) => verbs::run::execute(&options, &environment),
        Verb::Runtime(verb) => verbs::runtime::execute(&verb, &environment),
        Verb::User(verb) => verbs::user::execute(&verb, &environment),
        Verb::Doctor(options) => verbs::doctor::execute(&options, &environment),
        Verb::Config(verb) => verbs::config::execute(&verb, &environment),
    };
    result.unwrap_or_else(|fault| fault.report())
}

fn read_environment() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
