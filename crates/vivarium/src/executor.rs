//! Asynchronous work from verbs that are not.

use std::future::Future;

use crate::fault::{Context, Outcome};

/// Does asynchronous work on this thread.
pub(crate) fn block_on<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime of the program")?.block_on(work)
}
