"""Measures a server and its peers in turns, and prints ratios to bare interpreter starts of the same run.

Absolute times drift from hour to hour; only ratios are worth quoting. Raw rows and the tables go to bench/results.
"""

import argparse
import signal
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from bench.http_client import Refused
from bench.ours import ours
from bench.peers.commands import commands
from bench.peers.containers import containers
from bench.peers.pyodide import Pyodide
from bench.phases.latency import bursts, throughput
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
    except (NotReady, Refused) as error:
        records.miss(name, str(error))


def measure(records, server, pyodide, arguments):
    """All phases; titles of the contestants and the interpreter."""
    own = ours(server, POOL)
    python = server.interpreter(own[1].runtime) or sys.executable
    everybody = commands(python) + containers(python, server.directory) + [pyodide] + own
    contestants = able(records, everybody)
    by_name = {contestant.name: contestant for contestant in contestants}
    connections = [server.connect() for _ in range(max(LEVELS))]
    share = 0.1 if arguments.quick else 1
    for clients, rounds in LEVELS.items():
        bursts(records, connections, contestants, clients, max(3, int(rounds * share)), 60 * share)
    for name, seconds in (("bare", 5), ("bwrap", 5), ("crun", 5), ("warm", 30), ("cold", 10)):
        if name in by_name:
            records.value(f"per second: {name}", throughput(connections[:8], by_name[name], seconds * share))
    for contestant in own:
        server.remove(contestant.runtime)
    bare, few = contestants[0], max(5, int(50 * share))
    for count in arguments.parked:
        attempt(records, f"{count} parked", lambda: parked(records, server, bare, count, few))
    attempt(records, "wheels", lambda: wheels(records, server, bare, max(5, int(20 * share))))
    attempt(records, "pandas", lambda: pandas(records, server, python, few))
    attempt(records, "lists", lambda: lists(records, server, bare, (10, 100 if arguments.quick else 1000), few))
    return {contestant.name: contestant.title for contestant in everybody}, python


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
    with tempfile.TemporaryDirectory(prefix="vivarium-bench.") as directory, Server(arguments.binary, directory) as server:
        with closing(Pyodide()) as pyodide:
            try:
                titles, python = measure(records, server, pyodide, arguments)
            finally:
                leave_in_order()
    table = report(records, titles, python)
    RESULTS.mkdir(exist_ok=True)
    records.write(RESULTS / f"{time.strftime('%Y%m%dT%H%M%S')}.csv")
    (RESULTS / "summary.md").write_text(table + "\n")
    if arguments.write_docs:
        DOCUMENT.write_text(replace_between_markers(DOCUMENT.read_text(), table))
    print(table)


if __name__ == "__main__":
    main()
