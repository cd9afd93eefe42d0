"""What a server holds of its host, before and after; taken when it has come to rest."""

import os
import time

from host import holdings

SETTLE_SECONDS = 90
PAUSE_SECONDS = 0.5
# Zygotes that have learnt new modules are replaced one after another.
EQUAL_LOOKS = 8


def traces(server):
    """A count of each kind."""
    return {
        **holdings(server),
        "descriptors": len(os.listdir(f"/proc/{server.process.pid}/fd")),
        "network links": len(os.listdir("/sys/class/net")),
    }


def at_rest(server, runtimes):
    """The traces when nothing runs, every pool is full and several looks in a row see the same."""
    for runtime, parked in runtimes.items():
        server.wait_until_parked(runtime, parked, SETTLE_SECONDS, 0.05)
    end, looks = time.monotonic() + SETTLE_SECONDS, [traces(server)]
    while looks[-EQUAL_LOOKS:] != looks[-1:] * EQUAL_LOOKS and time.monotonic() < end:
        time.sleep(PAUSE_SECONDS)
        looks.append(traces(server))
    return looks[-1]


def left_behind(server, runtimes, before):
    """The traces after, as soon as nothing is more than before, or when patience ends."""
    end = time.monotonic() + SETTLE_SECONDS
    while True:
        after = at_rest(server, runtimes)
        if grown(before, after) == [] or time.monotonic() > end:
            return after
        time.sleep(PAUSE_SECONDS)


def grown(before, after):
    """The names of what has become more."""
    return [name for name in before if after[name] > before[name]]
