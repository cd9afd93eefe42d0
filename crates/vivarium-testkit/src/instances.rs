//! Instances without processes. Their "scripts" are lines of a small language, so that tests say what happens.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ipnet::IpNet;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use vivarium_domain::id::RuntimeId;
use vivarium_domain::ports::{Ending, InstanceEvent, Instances, ParkingOrder, PoolState, RunOutcome, RunRequest};

/// Pretends to run scripts. Each line of a source is one step:
///
/// | line | effect |
/// |---|---|
/// | `print TEXT` | writes `TEXT` and a line end to standard output |
/// | `error TEXT` | the same to standard error |
/// | `show NAME` | writes the JSON text of a variable, or of what is predefined, and a line end to standard output |
/// | `mode` | writes where the instance is said to come from |
/// | `wait GATE` | waits until the test opens the gate, or the evaluation is cancelled |
/// | `return JSON` | ends well, with this result |
/// | `fail MESSAGE` | ends with a fault of the script |
/// | `expire` / `exhaust` | ends by the time limit / by the memory limit |
///
/// Other lines do nothing; after the last line the script has ended well without a result.
#[derive(Debug, Default)]
pub struct FakeInstances {
    gates: Mutex<HashMap<String, watch::Sender<bool>>>,
    orders: watch::Sender<BTreeMap<RuntimeId, ParkingOrder>>,
    warmed: watch::Sender<Vec<ParkingOrder>>,
    whitelists: Mutex<BTreeMap<RuntimeId, Vec<IpNet>>>,
    /// Why no list can be enforced.
    network_fault: Mutex<Option<String>>,
    /// The list whose enforcement is held up.
    held_up: watch::Sender<Option<Vec<IpNet>>>,
    /// How many wait for that to end.
    waiting: watch::Sender<usize>,
}

impl FakeInstances {
    /// Lets every script go on that waits at the gate, now or later.
    pub fn open(&self, gate: &str) {
        self.gate(gate).send_replace(true);
    }

    /// Lets scripts wait at the gate again.
    pub fn close(&self, gate: &str) {
        self.gate(gate).send_replace(false);
    }

    /// What was to be made ready beside what serves, in the order in which it was asked for.
    pub fn warmed(&self) -> Vec<ParkingOrder> {
        self.warmed.borrow().clone()
    }

    /// The orders to keep instances parked, as they stand.
    pub fn orders(&self) -> watch::Receiver<BTreeMap<RuntimeId, ParkingOrder>> {
        self.orders.subscribe()
    }

    /// The whitelist that is enforced for a runtime.
    pub fn whitelist(&self, runtime: RuntimeId) -> Vec<IpNet> {
        let lists = self.whitelists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.get(&runtime).cloned().unwrap_or_default()
    }

    /// From now on lists cannot be enforced for this reason, or can again.
    pub fn break_network(&self, reason: Option<&str>) {
        *self.network_fault.lock().unwrap_or_else(PoisonError::into_inner) = reason.map(str::to_owned);
    }

    /// Whoever wants exactly this list enforced waits from now on; with `None` nobody does any more.
    pub fn hold_up(&self, whitelist: Option<Vec<IpNet>>) {
        self.held_up.send_replace(whitelist);
    }

    /// Returns when somebody waits because of [`Self::hold_up`].
    pub async fn held_up(&self) {
        let mut waiting = self.waiting.subscribe();
        // The sender is here.
        let _never_closed = waiting.wait_for(|waiting| *waiting > 0).await.is_ok();
    }

    fn gate(&self, name: &str) -> watch::Sender<bool> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.entry(name.to_owned()).or_default().clone()
    }

    async fn pass(&self, gate: &str, cancel: &CancellationToken) -> Option<Ending> {
        let mut gate = self.gate(gate).subscribe();
        tokio::select! {
            () = cancel.cancelled() => Some(Ending::Cancelled),
            _ = gate.wait_for(|open| *open) => None,
        }
    }

    async fn step(
        &self,
        line: &str,
        request: &RunRequest,
        events: &mpsc::UnboundedSender<InstanceEvent>,
        cancel: &CancellationToken,
    ) -> Option<Ending> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let bytes = || format!("{rest}\n").into_bytes();
        let event = match verb {
            "print" => InstanceEvent::Stdout(bytes()),
            "error" => InstanceEvent::Stderr(bytes()),
            "show" => InstanceEvent::Stdout(shown(request, rest)),
            "mode" => InstanceEvent::Stdout(format!("{}\n", request.mode.as_str()).into_bytes()),
            "wait" => return self.pass(rest, cancel).await,
            "return" => return Some(Ending::Completed { output: Some(rest.to_owned()) }),
            "fail" => return Some(Ending::Failed { message: rest.to_owned() }),
            "expire" => return Some(Ending::TimeLimit),
            "exhaust" => return Some(Ending::MemoryLimit),
            _ => return None,
        };
        // Nobody listens any more when the test has ended.
        let _ = events.send(event);
        None
    }
}

fn shown(request: &RunRequest, name: &str) -> Vec<u8> {
    let variable = request.variables.iter().find(|variable| variable.name == name);
    let value = variable.map(|variable| &variable.value).or_else(|| request.predefined.0.get(name));
    let text = value.map_or_else(|| format!("`{name}` is not bound"), ToString::to_string);
    format!("{text}\n").into_bytes()
}

#[async_trait]
impl Instances for FakeInstances {
    async fn run(
        &self,
        request: RunRequest,
        events: mpsc::UnboundedSender<InstanceEvent>,
        cancel: CancellationToken,
    ) -> RunOutcome {
        let _ = events.send(InstanceEvent::Started);
        let mut ending = Ending::Completed { output: None };
        for line in request.source.lines() {
            if let Some(early) = self.step(line, &request, &events, &cancel).await {
                ending = early;
                break;
            }
        }
        outcome(ending)
    }

    fn keep_ready(&self, order: ParkingOrder) {
        self.orders.send_if_modified(|orders| orders.insert(order.runtime, order.clone()) != Some(order));
    }

    async fn warm_up(&self, order: ParkingOrder) {
        self.warmed.send_modify(|warmed| warmed.push(order));
    }

    async fn release(&self, runtime: RuntimeId) {
        self.orders.send_if_modified(|orders| orders.remove(&runtime).is_some());
    }

    async fn permit(&self, runtime: RuntimeId, whitelist: &[IpNet]) -> Result<(), String> {
        let mut held_up = self.held_up.subscribe();
        if held_up.borrow().as_deref() == Some(whitelist) {
            self.waiting.send_modify(|waiting| *waiting += 1);
            let _never_closed = held_up.wait_for(|held_up| held_up.as_deref() != Some(whitelist)).await.is_ok();
            self.waiting.send_modify(|waiting| *waiting -= 1);
        }
        let fault = self.network_fault.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let enforced = if fault.is_some() { Vec::new() } else { whitelist.to_vec() };
        self.whitelists.lock().unwrap_or_else(PoisonError::into_inner).insert(runtime, enforced);
        match fault {
            Some(fault) if !whitelist.is_empty() => Err(fault),
            _ => Ok(()),
        }
    }

    /// As if all that was ordered came up at once and stayed.
    fn pool(&self, runtime: RuntimeId) -> PoolState {
        let orders = self.orders.borrow();
        orders.get(&runtime).map_or_else(PoolState::default, parked)
    }
}

fn parked(order: &ParkingOrder) -> PoolState {
    let (min, max) = (order.min, order.max);
    let parked = min as usize;
    PoolState {
        min,
        max,
        parked,
        started: min.into(),
        oldest: (min > 0).then_some(Duration::from_secs(5)),
        ..PoolState::default()
    }
}

fn outcome(ending: Ending) -> RunOutcome {
    RunOutcome {
        ending,
        stdout_cut: false,
        stderr_cut: false,
        stdout_bytes: 0,
        stderr_bytes: 0,
        process_limit_hit: false,
        wall: Duration::from_millis(12),
        cpu: Duration::from_millis(7),
        peak_memory_bytes: 9 << 20,
        warm: false,
    }
}
