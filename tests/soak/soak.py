#!/usr/bin/env python3
"""Thousands of evaluations, well-behaved and hostile, against a server of its own; ends by itself, with a verdict."""

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[1:1] = [str(ROOT), str(ROOT / "tests" / "e2e")]

from bench.server import Server
from chance import Chance
from latency import Neighbour, compare
from mix import Mix
from race import Race
from storm import Storm
from traces import grown, at_rest, left_behind

MOST_SECONDS = 40 * 60
# Kept free for the look at what is left.
LAST_SECONDS = 5 * 60
LATENCY_BOUND = 3
PHASES = {"mix": Mix, "race": Race, "chance": Chance}
# Of the whole number of evaluations.
SHARES = {"mix": 1, "race": 1, "chance": 0.1}
ALONE_SHARE = 0.3


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="evaluations of the mixture")
    parser.add_argument("--clients", type=int, default=32, help="clients at once")
    parser.add_argument("--only", choices=PHASES, help="one phase instead of all")
    parser.add_argument("--judge-latency", action="store_true", help=f"fail where p99 grows more than {LATENCY_BOUND} times")
    parser.add_argument("--binary", default=os.environ.get("VIVARIUM_BIN", "target/release/vivarium"))
    return parser.parse_args()


class Soak:
    """The phases in turn, with what is found wrong."""

    def __init__(self, server, arguments, faults):
        self.server, self.arguments, self.faults = server, arguments, faults
        self.deadline = time.monotonic() + MOST_SECONDS - LAST_SECONDS
        names = [arguments.only] if arguments.only else list(PHASES)
        self.phases = {name: PHASES[name](server) for name in names}
        self.neighbour = Neighbour(server)
        self.runtimes = dict(self.neighbour.runtimes)
        for phase in self.phases.values():
            self.runtimes |= phase.runtimes
        for runtime in self.runtimes:
            server.wait_until_ready(runtime)

    def run(self):
        clients = self.arguments.clients
        for name, phase in self.phases.items():
            self.storm(f"{name}, to warm up", phase.run, 2 * max(clients, 10))
        before = at_rest(self.server, self.runtimes)
        for name, phase in self.phases.items():
            count = max(clients, int(self.arguments.count * SHARES[name]))
            if name == "mix":
                self.storm_and_compare(name, phase, count)
            else:
                self.storm(name, phase.run, count)
        self.look_back(before)

    def storm(self, name, work, count):
        start = time.monotonic()
        storm = Storm().run(self.server, self.arguments.clients, count, work, self.deadline)
        seconds = time.monotonic() - start
        print(f"{name}: {count} in {seconds:.0f} s, {storm.postponed} answers 429, {storm.fault_count} faults")
        for outcome, number in sorted(storm.outcomes.items()):
            print(f"    {outcome:<20} {number:>7}")
        sys.stdout.flush()
        self.faults += [f"{name}: {fault}" for fault in storm.faults]

    def storm_and_compare(self, name, mix, count):
        """The well-behaved clients of the mixture are judged; the neighbour tells what one more client sees."""
        at_rest(self.server, self.runtimes)
        mix.take()
        self.storm("the well-behaved alone", mix.run_well, int(ALONE_SHARE * count))
        well_alone = mix.take()
        at_rest(self.server, self.runtimes)
        neighbour_alone = self.neighbour.measure_alone()
        at_rest(self.server, self.runtimes)
        _, neighbour_during = self.neighbour.measure_during(lambda: self.storm(name, mix.run, count))
        self.faults += self.neighbour.faults
        if not neighbour_during:
            self.faults.append("the neighbour was never answered during the storm")
            return
        ratio = compare("the well-behaved", well_alone, mix.take())
        if self.arguments.judge_latency and ratio > LATENCY_BOUND:
            self.faults.append(f"the well-behaved: p99 grows {ratio:.2f} times, more than {LATENCY_BOUND}")
        compare("a neighbour", neighbour_alone, neighbour_during)

    def look_back(self, before):
        after = left_behind(self.server, self.runtimes, before)
        print(f"{'what is held':<20} {'before':>7} {'after':>7}")
        for name, count in before.items():
            print(f"{name:<20} {count:>7} {after[name]:>7}")
        self.faults += [f"left behind: {name}, {after[name]} instead of {before[name]}" for name in grown(before, after)]


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    arguments, faults = options(), []
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(name, interrupt)
    signal.alarm(MOST_SECONDS)
    # What is measured is the sandbox, not the queue before it.
    settings = f"\n[evaluations]\nmax_running = {2 * arguments.clients + 8}\n"
    with tempfile.TemporaryDirectory(prefix="soak.") as directory:
        with Server(arguments.binary, directory, settings) as server:
            try:
                Soak(server, arguments, faults).run()
            except Exception as error:
                faults.append(f"the soak itself ended: {error!r}")
            finally:
                # A second Ctrl-C would leave the server behind; each step of its end has a limit.
                for name in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
                    signal.signal(name, signal.SIG_IGN)
    for fault in faults:
        print(f"FAULT {fault}")
    print("soak: " + ("every bound holds" if not faults else "a bound is broken"))
    return 1 if faults else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("soak: interrupted or out of time; nothing is left running")
