//! Why a verb failed, in the form in which people read it.

use std::fmt::Display;
use std::process::ExitCode;

use crate::output;

/// A failed verb: what could not be done and why, and what to do about it.
#[derive(Debug)]
pub(crate) struct Fault {
    message: String,
    hint: Option<String>,
    status: u8,
}

/// What a verb yields.
pub(crate) type Outcome<T = ExitCode> = Result<T, Fault>;

impl Fault {
    /// `message` reads `cannot ...: cause`.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, status: 1 }
    }

    /// A fault of usage or configuration: exit status 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { status: 2, ..Self::new(message) }
    }

    /// Adds advice.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What could not be done and why.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Writes it to standard error; the status to exit with.
    pub(crate) fn report(&self) -> ExitCode {
        output::talk(&format!("error: {}", self.message));
        if let Some(hint) = &self.hint {
            output::talk(&format!("hint: {hint}"));
        }
        ExitCode::from(self.status)
    }
}

/// Turns errors into faults that name the step that failed.
pub(crate) trait Context<T> {
    /// `step` reads `cannot ...`.
    fn context(self, step: impl Display) -> Outcome<T>;
}

impl<T, E: std::error::Error> Context<T> for Result<T, E> {
    fn context(self, step: impl Display) -> Outcome<T> {
        self.map_err(|error| Fault::new(format!("{step}: {}", chain(&error))))
    }
}

/// An error with all its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let words = next.to_string();
        // Many errors repeat their cause in their own text.
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = next.source();
    }
    text
}
