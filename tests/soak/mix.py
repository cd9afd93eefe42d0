"""Well-behaved scripts among killed, endless, greedy and crashing ones; every outcome is checked."""

import time

from calls import Broken

READY, ERROR, TIMED_OUT, CANCELLED = 3, 4, 5, 6

CRASHES = [
    ("import ctypes\nctypes.string_at(0)", "signal 11"),
    ("import os\nos.abort()", "signal 6"),
    ("import os\nos._exit(3)", "3"),
]
# Of every ten.
KINDS = ["well"] * 6 + ["killed", "time limit", "memory", "crash"]


class Mix:
    """The runtimes of the mixture, and one evaluation of it by its number."""

    def __init__(self, server):
        self.well = server.define("well", parked=4)
        self.limited = server.define("limited", execTimeout=1)
        self.small = server.define("small", resource={"mem": 64, "cpu": "1"})
        self.runtimes = {self.well: 4, self.limited: 0, self.small: 0}
        # Milliseconds of each well-behaved evaluation since somebody took them.
        self.taken = []
        self.kinds = {
            "well": self.behave, "killed": self.be_killed, "time limit": self.run_on,
            "memory": self.be_greedy, "crash": self.crash,
        }

    def run(self, caller, number):
        kind = KINDS[number % len(KINDS)]
        self.kinds[kind](caller, number, f"token-{number}-{kind.replace(' ', '-')}")
        return kind

    def run_well(self, caller, number):
        """The same clients without the others."""
        self.behave(caller, number, f"token-{number}-alone")
        return "well"

    def take(self):
        taken, self.taken = self.taken, []
        return taken

    def behave(self, caller, _, token):
        start = time.perf_counter()
        document = caller.evaluate(self.well, f"print('{token}')")
        self.taken.append((time.perf_counter() - start) * 1000)
        expect(document, READY, "", token)

    def be_killed(self, caller, _, token):
        id = caller.start(self.well, say(token, "import time\ntime.sleep(600)"))["id"]
        caller.begun(id)
        caller.cancel(id)
        expect(caller.finished(id), CANCELLED, "", token, whole=False)

    def run_on(self, caller, number, token):
        rest = "while True: pass" if number % 20 < 10 else "import time\ntime.sleep(600)"
        expect(caller.evaluate(self.limited, say(token, rest)), TIMED_OUT, "time limit of 1 s", token, whole=False)

    def be_greedy(self, caller, _, token):
        document = caller.evaluate(self.small, say(token, "a = bytearray(b'x') * (300 << 20)"))
        expect(document, ERROR, "memory limit", token)

    def crash(self, caller, number, token):
        rest, reason = CRASHES[number // len(KINDS) % len(CRASHES)]
        expect(caller.evaluate(self.well, say(token, rest)), ERROR, reason, token)


def say(token, rest):
    return f"print('{token}', flush=True)\n{rest}"


def expect(document, status, reason, token, whole=True):
    """Nothing but its own token; and where it came so far for sure, all of it, otherwise its begin."""
    written, wanted = document.get("results", {}).get("stdout", ""), f"{token}\n"
    told = written == wanted if whole else wanted.startswith(written)
    if document["status"] != status or reason not in document.get("message", "") or not told:
        raise Broken(f"expected {status} {reason!r} with {token}: {document}")
