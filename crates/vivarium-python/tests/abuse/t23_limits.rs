//! T23: whatever the limits, an evaluation ends by its time limit and a small grace.

use std::time::Duration;

use futures::future::join_all;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use vivarium_domain::runtime::Resource;

use crate::stage::{Stage, in_both_modes};

in_both_modes!(no_combination_of_limits_outlives_the_time_limit);

const SCRIPTS: [&str; 5] = [
    "while True: pass",
    "import time\ntime.sleep(1000)",
    "while True:\n    try: os.fork()\n    except OSError: pass",
    "while True: os.write(1, bytes(1 << 16))",
    "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\nx = []\nwhile True: x.append(bytes(1 << 12))",
];
/// For the end of what was killed, on a machine that is busy with other tests.
const GRACE: Duration = Duration::from_secs(3);

fn resources() -> impl Strategy<Value = Resource> {
    let numbers = (100_u32..2000, 32_u64..256, 1_u64..64, 4_u32..64);
    numbers.prop_map(|(cpu_millis, memory_mib, disk_mib, processes)| Resource {
        cpu_millis,
        memory_mib,
        disk_mib,
        processes,
    })
}

async fn no_combination_of_limits_outlives_the_time_limit(stage: &Stage) {
    let (strategy, mut runner) = ((resources(), 1_u64..3), TestRunner::deterministic());
    for _ in 0..3 {
        let runs = SCRIPTS.map(|source| {
            let (resource, seconds) = strategy.new_tree(&mut runner).unwrap().current();
            let mut request = stage.request(source);
            request.limits.resource = resource;
            request.limits.time = Duration::from_secs(seconds);
            async move { (request.limits.clone(), stage.house.run_request(request).await) }
        });
        for (limits, ran) in join_all(runs).await {
            assert!(ran.outcome.wall <= limits.time + GRACE, "{limits:?}: {:?}", ran.outcome);
        }
    }
}
