"""Measures a server and its peers in turns, and prints ratios to bare interpreter starts of the same run.

Absolute times drift from hour to hour; only ratios are worth quoting. Raw rows and the tables go to bench/results.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from bench.http_client import Refused, Wrong
from bench.ours import ours
from bench.peers.commands import commands
from bench.peers.containers import containers
from bench.peers.jupyter import Jupyter
from bench.peers.pyodide import Pyodide
from bench.phases.latency import bursts, leaving_out, throughput
from bench.phases.lists import lists
from bench.phases.memory import parked
from bench.phases.packages import pandas, wheels
from bench.records import Records
from bench.report import replace_between_markers, report
from bench.server import NotReady, Server

RESULTS = Path(__file__).parent / "results"
DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"
LEVELS = {1: 400, 2: 100, 8: 40, 32: 15}
POOL = 32
# How many clients keep on asking, and for how long.
SUSTAINED = {
    "bare": [(8, 5)], "bwrap": [(8, 5)], "crun": [(8, 5)],
    "warm": [(1, 5), (2, 10), (8, 30), (32, 10)], "cold": [(8, 10)], "fresh": [(8, 10)],
}


def able(records, contestants):
    """Those that can run here; the others are named with their reason."""
    found = []
    for contestant in contestants:
        if (reason := contestant.reason()) is None:
            found.append(contestant)
        else:
            records.miss(contestant.name, reason)
    return found


def attempt(records, name, phase):
    """A phase that cannot be measured here does not take the others down."""
    try:
        phase()
    except (NotReady, Refused, Wrong) as error:
        records.miss(name, str(error))


def sustain(records, connections, contestant, share):
    """Complete evaluations per second of so many clients together, and of ours how many were warm."""
    for clients, seconds in SUSTAINED.get(contestant.name, []):
        rate = throughput(connections[:clients], contestant, seconds * share)
        records.value(f"per second, {clients} clients: {contestant.name}", rate)
        if contestant.name == "warm":
            records.value(f"per second, {clients} clients: share that was warm", contestant.warm_share())


def measure(records, server, shared, arguments):
    """All phases; titles of the contestants and the interpreter."""
    own = ours(server, POOL)
    python = server.interpreter(own[1].runtime) or sys.executable
    everybody = commands(python) + containers(python, server.directory) + shared + own
    records.titles.update({contestant.name: contestant.title for contestant in everybody})
    records.python = python
    contestants = able(records, everybody)
    connections = [server.connect() for _ in range(max(LEVELS))]
    share = 0.1 if arguments.quick else 1
    for clients, rounds in LEVELS.items():
        bursts(records, connections, contestants, clients, max(3, int(rounds * share)), 60 * share)
        records.value(f"{clients} clients at once: share of warm answers of ours, warm", own[0].warm_share())
    for contestant in list(contestants):
        with leaving_out(records, contestants, contestant):
            sustain(records, connections, contestant, share)
    for contestant in own:
        server.remove(contestant.runtime)
    bare, few = contestants[0], max(5, int(50 * share))
    for count in arguments.parked:
        attempt(records, f"{count} parked", lambda: parked(records, server, bare, count, few))
    attempt(records, "wheels", lambda: wheels(records, server, bare, max(5, int(20 * share))))
    attempt(records, "pandas", lambda: pandas(records, server, python, few))
    attempt(records, "lists", lambda: lists(records, server, bare, (10, 100 if arguments.quick else 1000), few))


def interrupt(*_):
    raise KeyboardInterrupt


def leave_in_order():
    """A second Ctrl-C would leave a server or a directory behind; each step of the end has its limit."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def main():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--binary", default="target/release/vivarium")
    parser.add_argument("--quick", action="store_true", help="a tenth of the measurements")
    parser.add_argument("--parked", type=lambda text: [int(one) for one in text.split(",")], default=[1, 100, 500])
    parser.add_argument("--write-docs", action="store_true", help="put the tables into docs/performance.md")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupt)
    records = Records()
    failure = None
    with tempfile.TemporaryDirectory(prefix="vivarium-bench.") as directory, Server(arguments.binary, directory) as server:
        with closing(Pyodide()) as pyodide, closing(Jupyter(directory)) as jupyter:
            try:
                measure(records, server, [pyodide, jupyter], arguments)
            except (NotReady, Refused, Wrong, OSError, subprocess.SubprocessError) as error:
                failure = error
            finally:
                leave_in_order()
    keep(records, failure, arguments.write_docs)
    if failure is not None:
        sys.exit(f"FAILED, what was measured before is kept: {failure}")


def keep(records, failure, write_docs):
    """The raw rows in any case; tables of a whole run."""
    RESULTS.mkdir(exist_ok=True)
    records.write(RESULTS / f"{time.strftime('%Y%m%dT%H%M%S')}.csv")
    if failure is not None:
        return
    table = report(records)
    (RESULTS / "summary.md").write_text(table + "\n")
    if write_docs:
        DOCUMENT.write_text(replace_between_markers(DOCUMENT.read_text(), table))
    print(table)


if __name__ == "__main__":
    main()
