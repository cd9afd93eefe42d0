//! One runtime in one mode of instances, on which hostile scripts play.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vivarium_domain::ports::{Ending, InstanceEvent, Instances, ParkingOrder, RunRequest};
use vivarium_domain::runtime::InstanceMode;

use crate::house::{House, Ran, house};

const PRELUDE: &str = include_str!("prelude.py");
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Stage {
    pub(crate) house: House,
    request: RunRequest,
}

/// Makes two tests of each function, `fresh` and `forked`, in a module of its name.
macro_rules! in_both_modes {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread")]
            async fn fresh() {
                crate::stage::play(vivarium_domain::runtime::InstanceMode::Fresh, super::$name).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn forked() {
                crate::stage::play(vivarium_domain::runtime::InstanceMode::Forked, super::$name).await;
            }
        }
    )+};
}
pub(crate) use in_both_modes;

/// Plays one case and insists that nothing of it is left. Says so where the host has no sandbox to offer.
pub(crate) async fn play(mode: InstanceMode, case: impl AsyncFnOnce(&Stage)) {
    let Some(house) = house().await else { return };
    let request = RunRequest { mode, ..house.request("").await };
    let stage = Stage { house, request };
    case(&stage).await;
    stage.clear().await;
}

impl Stage {
    pub(crate) fn mode(&self) -> InstanceMode {
        self.request.mode
    }

    /// For the one runtime of the stage, with the helpers of `prelude.py` above the script.
    pub(crate) fn request(&self, source: &str) -> RunRequest {
        RunRequest { source: format!("{PRELUDE}{source}"), ..self.request.clone() }
    }

    pub(crate) async fn run(&self, source: &str) -> Ran {
        self.house.run_request(self.request(source)).await
    }

    /// A script that comes to its own good end; what it wrote.
    pub(crate) async fn completed(&self, source: &str) -> String {
        let ran = self.run(source).await;
        assert!(matches!(ran.outcome.ending, Ending::Completed { .. }), "{:?}\n{}", ran.outcome.ending, ran.stderr);
        ran.out().to_owned()
    }

    /// A script in which everything was refused that had to be.
    pub(crate) async fn all_refused(&self, source: &str) {
        assert_eq!(self.completed(&format!("{source}\nprint('end')")).await, "end\n", "{source}");
    }

    /// Runs a script that says `up` and cancels it then.
    pub(crate) async fn cancelled_when_up(&self, source: &str) -> Ran {
        let cancel = CancellationToken::new();
        let see = |event: &InstanceEvent| {
            if matches!(event, InstanceEvent::Stdout(_)) {
                cancel.cancel();
            }
        };
        self.house.run_until(self.request(source), cancel.clone(), see).await
    }

    /// Waits until so many instances of the runtime are parked.
    pub(crate) async fn park(&self, count: u32) {
        let request = &self.request;
        let (runtime, serving) = (request.runtime, request.serving.clone());
        let resource = request.limits.resource;
        let order = ParkingOrder { runtime, serving, mode: request.mode, resource, min: count, max: count };
        self.house.instances.keep_ready(order);
        let parked = async {
            while self.house.instances.pool(runtime).parked < count as usize {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, parked).await.unwrap();
    }

    /// Gives back everything that the runtime holds.
    pub(crate) async fn clear(&self) {
        self.house.instances.release(self.request.runtime).await;
        let settled = tokio::time::timeout(PATIENCE, self.house.sandbox.settled()).await;
        assert!(settled.is_ok(), "{} instances are left", self.house.sandbox.live());
    }
}
