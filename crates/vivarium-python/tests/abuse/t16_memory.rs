//! T16, T18, T19: whoever exceeds a limit ends by it, for the right reason, and nobody else.

use std::time::Duration;

use futures::future::join_all;
use vivarium_domain::ports::Ending;

use crate::stage::{Stage, in_both_modes};

in_both_modes!(no_way_to_take_memory_is_forgotten, no_offender_takes_a_neighbour_along);

const BOMBS: [&str; 4] = [
    "x = [bytearray(1 << 20) for _ in range(1000)]",
    "import mmap\nm = mmap.mmap(-1, 1 << 30)\nfor at in range(0, 1 << 30, 4096): m[at] = 1",
    "with open('/dev/shm/x', 'wb') as file:\n    while True: file.write(bytes(1 << 20))",
    "file = os.fdopen(os.memfd_create('x'), 'wb')\nwhile True: file.write(bytes(1 << 20))",
];

async fn no_way_to_take_memory_is_forgotten(stage: &Stage) {
    for bomb in BOMBS {
        let mut request = stage.request(bomb);
        request.limits.resource.memory_mib = 64;
        let ran = stage.house.run_request(request).await;
        assert_eq!(ran.outcome.ending, Ending::MemoryLimit, "{bomb}: {}", ran.stderr);
    }
}

async fn no_offender_takes_a_neighbour_along(stage: &Stage) {
    let offenders = [
        (BOMBS[0], Some(Ending::MemoryLimit)),
        ("while True: pass", Some(Ending::TimeLimit)),
        ("while True:\n    try: os.fork()\n    except OSError: pass", Some(Ending::TimeLimit)),
        ("with open('/tmp/x', 'wb') as file:\n    while True: file.write(bytes(1 << 16))", None),
    ];
    let hostile = offenders.iter().map(async |(source, expected)| {
        let mut request = stage.request(source);
        request.limits.resource.memory_mib = 64;
        request.limits.resource.disk_mib = 8;
        request.limits.resource.processes = 16;
        request.limits.time = Duration::from_secs(3);
        let ran = stage.house.run_request(request).await;
        match expected {
            Some(expected) => assert_eq!(&ran.outcome.ending, expected, "{source}: {}", ran.stderr),
            None => assert!(ran.message().contains("the disk limit was reached"), "{source}: {}", ran.stderr),
        }
    });
    let good = (0..8).map(async |number: u32| {
        let source = format!("x = bytearray(b'x') * (48 << 20)\nprint({number}, len(x) >> 20)");
        assert_eq!(stage.completed(&source).await, format!("{number} 48\n"));
    });
    tokio::join!(join_all(hostile), join_all(good));
}
