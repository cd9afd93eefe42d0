"""Every contestant in turns, one burst of so many clients each; and throughput over a longer time."""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from bench.http_client import Wrong


@contextmanager
def leaving_out(records, contestants, contestant):
    """A peer that fails takes no part any more; one of ours that fails ends the measurement."""
    try:
        yield
    except (Wrong, OSError, subprocess.SubprocessError) as error:
        if not contestant.peer:
            raise
        records.miss(contestant.name, f"failed on the way: {error}")
        contestants.remove(contestant)


def bursts(records, connections, contestants, clients, rounds, seconds):
    """Rounds until there are enough or the time is used up; each starts with one bare start as the base."""
    phase, end = f"{clients} clients", time.monotonic() + seconds
    bare = contestants[0]
    with ThreadPoolExecutor(clients) as executor:
        for number in range(rounds):
            records.measure(phase, bare.name, 1, bare.run)
            for contestant in list(contestants if clients > 1 else contestants[1:]):
                if number % contestant.every or (contestant.serial and clients > 1):
                    continue
                for settling in contestants:
                    settling.prepare(clients)
                timed = lambda client, one=contestant: records.measure(phase, one.name, clients, lambda: one.run(client))
                with leaving_out(records, contestants, contestant):
                    list(executor.map(timed, connections[:clients]))
            if time.monotonic() > end:
                return


def throughput(connections, contestant, seconds):
    """Complete evaluations per second of these connections together; a failed one ends the measurement."""
    contestant.prepare(len(connections))
    start = time.monotonic()

    def work(client):
        count = 0
        while time.monotonic() < start + seconds:
            contestant.run(client)
            count += 1
        return count

    with ThreadPoolExecutor(len(connections)) as executor:
        total = sum(executor.map(work, connections))
    return total / (time.monotonic() - start)
