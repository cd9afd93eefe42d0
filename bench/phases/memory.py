"""Private memory of parked instances, found as descendants of the server in other pid namespaces."""

import os
import re
import time
from collections import defaultdict
from pathlib import Path

from bench.figures import median


def descendants(root):
    children = defaultdict(list)
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        children[int(stat.rpartition(")")[2].split()[1])].append(int(entry.name))
    found, open_ones = [], [root]
    while open_ones:
        open_ones += children[open_ones[0]]
        found += children[open_ones.pop(0)]
    return found


def private_bytes(process):
    text = Path(f"/proc/{process}/smaps_rollup").read_text()
    return sum(int(size) * 1024 for size in re.findall(r"^Private_(?:Clean|Dirty): +(\d+) kB", text, re.MULTILINE))


def by_namespace(server_process):
    """Bytes of each pid namespace below the server, and of the processes that share the server's own."""
    own, groups = os.readlink(f"/proc/{server_process}/ns/pid"), defaultdict(int)
    for process in descendants(server_process):
        try:
            groups[os.readlink(f"/proc/{process}/ns/pid")] += private_bytes(process)
        except OSError:
            continue
    beside = groups.pop(own, 0)
    return list(groups.values()), beside


def parked(records, server, bare, count, evaluations):
    """Fills a pool of this size; memory of an instance, of all together, and warm latency beside them."""
    phase = f"{count} parked"
    start = time.monotonic()
    runtime = server.define(phase, count)
    server.wait_until_ready(runtime)
    server.wait_until_parked(runtime, count, pause=0.02)
    records.value(f"{phase}: seconds to fill", time.monotonic() - start)
    instances, beside = by_namespace(server.process.pid)
    records.value(f"{phase}: private bytes of an instance", median(instances))
    records.value(f"{phase}: private bytes of all, helpers included, by instance", (sum(instances) + beside) / count)
    evaluation = server.client.evaluation(runtime, "print(1)")
    for _ in range(evaluations):
        records.measure(phase, bare.name, 1, bare.run)
        server.wait_until_parked(runtime, count)
        records.measure(phase, "warm", 1, lambda: server.client.evaluate_warm(evaluation, "1\n"))
    server.remove(runtime)
