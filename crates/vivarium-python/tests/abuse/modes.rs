//! The modes are what they say: otherwise the other tests would prove one of them twice.

use futures::future::join_all;
use vivarium_domain::runtime::InstanceMode;

use crate::stage::{Stage, in_both_modes};

in_both_modes!(each_instance_comes_from_where_its_mode_says);

/// A fork stands behind the first process of its cell, a fresh interpreter is that process.
async fn each_instance_comes_from_where_its_mode_says(stage: &Stage) {
    let wanted = match stage.mode() {
        InstanceMode::Forked => "2\n",
        InstanceMode::Fresh => "1\n",
    };
    for parked in [0, 2] {
        if parked > 0 {
            stage.park(parked).await;
        }
        for out in join_all((0..4).map(|_| stage.completed("print(os.getpid())"))).await {
            assert_eq!(out, wanted, "{parked} parked");
        }
    }
}
