"""Many clients at once, each on a thread and a connection of its own."""

import itertools
import threading
import time
from collections import Counter

from calls import Caller

MOST_FAULTS_SHOWN = 20


class Storm:
    """What a number of clients went through."""

    def __init__(self):
        self.outcomes, self.faults = Counter(), []
        self.postponed = self.fault_count = 0
        self._lock = threading.Lock()

    def note(self, outcome):
        with self._lock:
            self.outcomes[outcome] += 1

    def blame(self, fault):
        with self._lock:
            self.fault_count += 1
            if len(self.faults) < MOST_FAULTS_SHOWN:
                self.faults.append(fault[:500])

    def run(self, server, clients, count, work, deadline):
        """`work(caller, number)` for every number below `count`; it gives a name of its outcome, or raises."""
        numbers = itertools.count()
        threads = [
            threading.Thread(target=self._client, args=(server, numbers, count, work, deadline), daemon=True)
            for _ in range(clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in threads) or sum(self.outcomes.values()) + self.fault_count < count:
            self.blame(f"{count - sum(self.outcomes.values())} of {count} have no outcome")
        return self

    def _client(self, server, numbers, count, work, deadline):
        caller = Caller(server)
        try:
            # A step of the iterator is one operation of the interpreter, so no number is given twice.
            while (number := next(numbers)) < count and time.monotonic() < deadline:
                self._one(caller, work, number)
        except OSError as error:
            self.blame(f"a connection broke: {error!r}")
        finally:
            with self._lock:
                self.postponed += caller.postponed
            caller.close()

    def _one(self, caller, work, number):
        try:
            self.note(work(caller, number))
        except OSError:
            raise
        except Exception as error:
            self.blame(f"{number}: {error!r}")
