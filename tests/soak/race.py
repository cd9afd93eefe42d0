"""T17: kills at about the time at which the scripts end by themselves."""

import random
import time

from bench.http_client import Refused
from mix import CANCELLED

FIRST_DELAY_SECONDS = 0.03


class Race:
    """Any final status is right; an evaluation that never ends or a fault of the server is not."""

    def __init__(self, server):
        self.runtime = server.define("race", parked=4)
        self.runtimes = {self.runtime: 4}
        self._delay = FIRST_DELAY_SECONDS

    def run(self, caller, number):
        id = caller.start(self.runtime, f"print('race-{number}')")["id"]
        time.sleep(self._delay * random.uniform(0.5, 1.5))
        try:
            caller.cancel(id)
        except Refused as refused:
            if refused.status >= 500:
                raise
        status = caller.finished(id)["status"]
        # So half of them come too late, whatever the machine.
        self._delay *= 1.05 if status == CANCELLED else 1 / 1.05
        return f"status {status}"
