//! Lets a limited number of evaluations run, in fair order between runtimes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::id::RuntimeId;

/// The gate. Runtimes that have evaluations waiting take turns, so that a busy one does not starve the others.
#[derive(Clone)]
pub(super) struct Gate {
    line: Arc<Mutex<Line>>,
}

struct Line {
    free: usize,
    waiting: HashMap<RuntimeId, VecDeque<oneshot::Sender<Pass>>>,
    /// Runtimes with somebody waiting, in the order of their turns.
    turns: VecDeque<RuntimeId>,
}

/// The right to run. Dropping it lets the next one in.
pub(super) struct Pass {
    gate: Option<Gate>,
}

impl Gate {
    /// At most `limit` at once.
    pub(super) fn new(limit: usize) -> Self {
        Self { line: Arc::new(Mutex::new(Line { free: limit, waiting: HashMap::new(), turns: VecDeque::new() })) }
    }

    /// Waits for a turn. Dropping the future gives the place in the line up.
    pub(super) async fn enter(&self, runtime: RuntimeId) -> Pass {
        let turn = {
            let mut line = self.lock();
            // Whoever waits goes first, so a free place while somebody waits is not for newcomers.
            if line.free > 0 && line.turns.is_empty() {
                line.free -= 1;
                return Pass { gate: Some(self.clone()) };
            }
            line.join(runtime)
        };
        match turn.await {
            Ok(pass) => pass,
            // The line holds every sender until it hands over a pass, and `self` keeps the line.
            Err(_) => Pass { gate: None },
        }
    }

    fn leave(&self) {
        loop {
            let next = self.lock().next_or_free();
            let Some(next) = next else { return };
            match next.send(Pass { gate: Some(self.clone()) }) {
                Ok(()) => return,
                // Nobody waits there any more. The returned pass must not come back here by its drop.
                Err(mut pass) => pass.gate = None,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn join(&mut self, runtime: RuntimeId) -> oneshot::Receiver<Pass> {
        let (sender, receiver) = oneshot::channel();
        let queue = self.waiting.entry(runtime).or_default();
        if queue.is_empty() {
            self.turns.push_back(runtime);
        }
        queue.push_back(sender);
        receiver
    }

    /// Whose turn it is; if nobody waits, the place becomes free.
    fn next_or_free(&mut self) -> Option<oneshot::Sender<Pass>> {
        let Some(runtime) = self.turns.pop_front() else {
            self.free += 1;
            return None;
        };
        let queue = self.waiting.get_mut(&runtime)?;
        let next = queue.pop_front();
        if queue.is_empty() {
            self.waiting.remove(&runtime);
        } else {
            self.turns.push_back(runtime);
        }
        next
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.leave();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn settle() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn runtimes_take_turns() {
        let gate = Gate::new(1);
        let (busy, quiet) = (RuntimeId::random(), RuntimeId::random());
        let first = gate.enter(busy).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for runtime in [busy, busy, busy, quiet] {
            let (gate, order) = (gate.clone(), order.clone());
            tasks.push(tokio::spawn(async move {
                let _pass = gate.enter(runtime).await;
                order.lock().unwrap().push(runtime);
            }));
            settle().await;
        }
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [busy, quiet, busy, busy]);
    }

    #[tokio::test]
    async fn who_stops_waiting_does_not_hold_the_line_up() {
        let gate = Gate::new(1);
        let runtime = RuntimeId::random();
        let first = gate.enter(runtime).await;
        let gone = tokio::spawn({
            let gate = gate.clone();
            async move { drop(gate.enter(runtime).await) }
        });
        settle().await;
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        drop(first);
        drop(gate.enter(runtime).await);
        assert_eq!(gate.lock().free, 1);
    }

    #[tokio::test]
    async fn never_more_than_the_limit_are_inside() {
        let gate = Gate::new(3);
        let inside = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let (gate, inside) = (gate.clone(), inside.clone());
                tokio::spawn(async move {
                    let _pass = gate.enter(RuntimeId::random()).await;
                    let now = inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    now
                })
            })
            .collect();
        for task in tasks {
            assert!(task.await.unwrap() <= 3);
        }
        assert_eq!(gate.lock().free, 3);
    }
}
