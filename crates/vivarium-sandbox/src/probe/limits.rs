//! Proves the cgroup limits by running into them.

use super::inside::BURN;
use super::{Prober, Proof};
use crate::cgroup::{Controller, Driver};
use crate::layer::Layer;

const MEMORY_BYTES: u64 = 24 << 20;
const PROCESSES: u32 = 8;
/// A tenth of a core.
const MILLICORES: u32 = 100;

pub(super) async fn prove(prober: &Prober, layer: Layer) -> Proof {
    let (controller, task) = match layer {
        Layer::CgroupMemory => (Controller::Memory, "memory"),
        Layer::CgroupCpu => (Controller::Cpu, "cpu"),
        _ => (Controller::Pids, "processes"),
    };
    let driver = match prober.sandbox.driver(controller) {
        Some(Driver::V1) => "v1",
        Some(Driver::V2) => "v2",
        None => return Err(absent(controller)),
    };
    let mut plan = prober.plan(task);
    match controller {
        Controller::Memory => plan.limits.memory_bytes = MEMORY_BYTES,
        Controller::Cpu => plan.limits.cpu_millicores = MILLICORES,
        Controller::Pids => plan.limits.processes = PROCESSES,
    }
    let (exit, _) = prober.run(plan).await.map_err(|error| error.to_string())?;
    let proven = match controller {
        Controller::Memory => memory(exit.oom_killed),
        Controller::Cpu => cpu(exit.cpu_micros.unwrap_or(u64::MAX)),
        Controller::Pids => processes(exit.process_limit_hit),
    };
    proven.map(|words| format!("cgroup {driver}: {words}"))
}

fn absent(controller: Controller) -> String {
    let name = controller.name();
    format!("no usable cgroup controller `{name}`: not mounted, or not writable for this user")
}

fn memory(oom_killed: bool) -> Proof {
    match oom_killed {
        true => Ok(format!("killed at the limit of {MEMORY_BYTES} bytes")),
        false => Err(format!("survived beyond the limit of {MEMORY_BYTES} bytes")),
    }
}

fn processes(limit_hit: bool) -> Proof {
    match limit_hit {
        true => Ok(format!("a thread was refused at the limit of {PROCESSES}")),
        false => Err(format!("no thread was refused at the limit of {PROCESSES}")),
    }
}

/// Half of the time is far more than a tenth of a core gives, and far less than no limit gives.
fn cpu(used_micros: u64) -> Proof {
    let burnt = BURN.as_millis();
    let words = format!("used {used_micros} us of a core in {burnt} ms with a tenth of it allowed");
    match u128::from(used_micros) < BURN.as_micros() / 2 {
        true => Ok(words),
        false => Err(words),
    }
}
