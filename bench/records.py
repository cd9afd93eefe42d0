"""Raw measurements in the order in which they were taken, and what could not be measured."""

import csv
import time
from collections import defaultdict

from bench.figures import median

BARE = "bare"


class Records:
    """Rows of (phase, contestant, clients, milliseconds); single values by name; reasons why something is missing."""

    def __init__(self):
        self.rows = []
        self.times = defaultdict(list)
        self.values = {}
        self.missing = {}
        # Of the contestants, by name.
        self.titles = {}
        # The interpreter of the runtimes that are measured.
        self.python = None

    def add(self, phase, contestant, clients, milliseconds):
        self.rows.append((phase, contestant, clients, f"{milliseconds:.4f}"))
        self.times[phase, contestant, clients].append(milliseconds)

    def measure(self, phase, contestant, clients, action):
        """The result of the action, whose duration is kept."""
        start = time.perf_counter()
        result = action()
        self.add(phase, contestant, clients, (time.perf_counter() - start) * 1000)
        return result

    def value(self, name, number):
        """One measured number that is no duration, or that is not one of many."""
        self.values[name] = number
        self.rows.append(("value", name, "", f"{number:.4f}"))

    def miss(self, name, reason):
        """Says at once, and in the tables, why something is not measured."""
        self.missing[name] = reason
        print(f"NOT MEASURED: {name}: {reason}", flush=True)

    def base(self, phase):
        """The median bare start of the interpreter in the same phase, one at a time."""
        return median(self.times[phase, BARE, 1])

    def ratio(self, phase, contestant, clients):
        return median(self.times[phase, contestant, clients]) / self.base(phase)

    def write(self, path):
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows([("phase", "what", "clients", "milliseconds or value"), *self.rows])
