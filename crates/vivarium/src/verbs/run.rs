//! `vivarium run FILE`: a local file in a runtime of a server, with its output live and its exit status.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::Environment;
use crate::client::{CANCELLED, Client, EXPIRED, EvaluationDocument, Event, READY, follow};
use crate::command_line::RunOptions;
use crate::fault::{Context, Fault, Outcome};
use crate::output;

/// Exit status when a time limit has passed, as timeout(1) has it.
const TIME_LIMIT: u8 = 124;

/// Exit status after Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

/// Runs the file.
pub(crate) fn execute(options: &RunOptions, environment: &Environment) -> Outcome<ExitCode> {
    if options.file == Path::new("-") && options.connection.user.is_some() {
        return Err(Fault::usage("cannot read both the script and the password from standard input")
            .hint("name a file, or log in with `--token-file`"));
    }
    let source = read_source(&options.file)?;
    let client = Client::connect(&options.connection, environment)?;
    let mut body = json!({"scriptContent": STANDARD.encode(source)});
    if let Some(runtime) = &options.runtime {
        body["scriptRuntimeId"] = client.runtime(runtime)?.id.into();
    }
    let id = client.start(&body)?;
    let timed_out = Arc::new(AtomicBool::new(false));
    watch(&client, &id, options.timeout.map(Duration::from_secs), timed_out.clone())?;
    let document = follow(&client, &id, print)?;
    client.log_out();
    Ok(if timed_out.load(Ordering::Relaxed) && document.status == CANCELLED {
        output::talk("the time given by `--timeout` has passed");
        ExitCode::from(TIME_LIMIT)
    } else {
        conclude(&document)
    })
}

fn read_source(path: &Path) -> Outcome<Vec<u8>> {
    let mut source = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_end(&mut source).context("cannot read the script from standard input")?;
        return Ok(source);
    }
    std::fs::read(path).context(format!("cannot read the script `{}`", path.display()))
}

fn print(event: Event) {
    match event {
        Event::Stdout(text) => output::raw_data(&text),
        Event::Stderr(text) => output::raw_talk(&text),
        Event::Status(_) => {}
    }
}

/// Cancels the evaluation on Ctrl-C and when the time has passed; a second Ctrl-C ends this program at once.
fn watch(client: &Client, id: &str, limit: Option<Duration>, timed_out: Arc<AtomicBool>) -> Outcome<()> {
    let (client, id) = (client.clone(), id.to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime of the program")?;
    std::thread::spawn(move || {
        let interrupted = runtime.block_on(async {
            tokio::select! {
                caught = tokio::signal::ctrl_c() => caught.is_ok(),
                () = after(limit) => false,
            }
        });
        timed_out.store(!interrupted, Ordering::Relaxed);
        if let Err(fault) = client.cancel(&id) {
            fault.report();
        }
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            std::process::exit(i32::from(INTERRUPTED));
        }
    });
    Ok(())
}

async fn after(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// The exit status, and the server's word on why it is not 0.
fn conclude(document: &EvaluationDocument) -> ExitCode {
    if document.status == READY {
        return ExitCode::SUCCESS;
    }
    let message = document.message.as_deref().unwrap_or_default();
    if !message.is_empty() {
        output::talk(&format!("error: {message}"));
    }
    match document.status {
        EXPIRED => ExitCode::from(TIME_LIMIT),
        CANCELLED => ExitCode::from(INTERRUPTED),
        _ => ExitCode::from(exit_code(message).unwrap_or(1)),
    }
}

/// The code of `sys.exit(N)`, which the message gives as `exited with code N`. As everywhere, only its lowest byte counts.
fn exit_code(message: &str) -> Option<u8> {
    let code: i64 = message.strip_prefix("exited with code ")?.trim().parse().ok()?;
    u8::try_from(code.rem_euclid(256)).ok().filter(|code| *code != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_read_from_the_message() {
        assert_eq!(exit_code("exited with code 3"), Some(3));
        assert_eq!(exit_code("exited with code 259"), Some(3));
        assert_eq!(exit_code("exited with code -1"), Some(255));
        assert_eq!(exit_code("exited with code 256"), None);
        assert_eq!(exit_code("ValueError: it exited with code 3 (line 3)"), None);
        assert_eq!(exit_code("ValueError: no (line 3)"), None);
    }
}
