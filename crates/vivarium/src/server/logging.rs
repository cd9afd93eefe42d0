//! Structured logs on standard error.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::SubscriberBuilder;

use crate::configuration::{Log, LogFormat};
use crate::fault::{Fault, Outcome};

/// Starts logging, once for the process; panics are logged too.
pub(crate) fn start_logging(log: &Log) -> Outcome<()> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|error| {
        Fault::usage(format!("cannot use the setting `log.filter`: {error}"))
            .hint("use a level such as `info`, or directives such as `info,vivarium::access=warn`")
    })?;
    let builder = SubscriberBuilder::default().with_env_filter(filter).with_writer(std::io::stderr);
    let result = match log.format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    result.map_err(|error| Fault::new(format!("cannot start logging: {error}")))?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, message = panic.payload_as_str().unwrap_or("no message"), "a task panicked");
}
