"""How long the well-behaved wait, alone and while the others rage."""

import threading
import time

from bench.figures import percentile
from calls import Caller
from mix import READY, expect

PARKED = 8
ALONE = 300


class Neighbour:
    """A client with a runtime of its own."""

    def __init__(self, server):
        self.server = server
        self.runtime = server.define("neighbour", parked=PARKED)
        self.runtimes = {self.runtime: PARKED}
        self.faults = []

    def measure_alone(self, count=ALONE):
        caller = Caller(self.server)
        try:
            return [self._once(caller, f"alone-{number}") for number in range(count)]
        finally:
            caller.close()

    def measure_during(self, work):
        """What `work()` gives, and the milliseconds of each evaluation meanwhile."""
        over, taken = threading.Event(), []
        thread = threading.Thread(target=self._keep_measuring, args=(over, taken), daemon=True)
        thread.start()
        try:
            done = work()
        finally:
            over.set()
        thread.join(60)
        return done, taken

    def _keep_measuring(self, over, taken):
        caller = Caller(self.server)
        try:
            while not over.is_set():
                taken.append(self._once(caller, f"storm-{len(taken)}"))
        except Exception as error:
            self.faults.append(f"the neighbour: {error!r}")
        finally:
            caller.close()

    def _once(self, caller, token):
        start = time.perf_counter()
        document = caller.evaluate(self.runtime, f"print('{token}')")
        taken = (time.perf_counter() - start) * 1000
        expect(document, READY, "", token)
        return taken


def compare(who, alone, during):
    """Says how both differ; how many times the 99th percentile has grown."""
    (median, worst), (median_during, worst_during) = _summary(alone), _summary(during)
    ratio = worst_during / worst
    print(f"{who}: alone ({len(alone)}) p50 {median:.1f} ms, p99 {worst:.1f} ms; "
          f"storm ({len(during)}) p50 {median_during:.1f} ms, p99 {worst_during:.1f} ms; p99 grows {ratio:.2f} times")
    return ratio


def _summary(milliseconds):
    return percentile(milliseconds, 50), percentile(milliseconds, 99)
