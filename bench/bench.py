"""Measures a server on the loopback interface and prints ratios; raw rows go to bench/results.

Absolute times drift from machine to machine and from hour to hour, so a cold evaluation is measured in turns with a bare
start of the same interpreter, and their ratio is what is worth quoting. Nothing here passes or fails.
"""

import argparse
import csv
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from http_client import Client

PASSWORD = "only for this measurement"
RESULTS = Path(__file__).parent / "results"
PARKED = 2


class Rows:
    """Raw measurements: (measure, milliseconds), in the order in which they were taken."""

    def __init__(self):
        self.rows = []

    def measure(self, name, action):
        start = time.perf_counter()
        result = action()
        self.rows.append((name, (time.perf_counter() - start) * 1000))
        return result

    def percentile(self, name, percent):
        values = sorted(value for row, value in self.rows if row == name)
        return values[min(len(values) - 1, round(percent / 100 * (len(values) - 1)))]

    def median(self, name):
        return statistics.median(value for row, value in self.rows if row == name)


def serve(binary, directory):
    """A server process and its port."""
    command = [binary, "serve", "--listen", "127.0.0.1:0", "--data-dir", directory]
    environment = {**os.environ, "VIVARIUM_ADMIN_PASSWORD": PASSWORD}
    log = open(Path(directory) / "log", "wb")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment, text=True)
    line = process.stdout.readline()
    if not line.startswith("listening on "):
        raise SystemExit(f"error: the server did not start:\n{(Path(directory) / 'log').read_text()}")
    return process, int(line.rstrip("/\n").rpartition(":")[2])


def ready_runtime(client, name, cached):
    """A runtime without packages that keeps so many instances parked."""
    definition = {"name": name, "execTimeout": 60, "minCachedInstances": cached, "maxCachedInstances": cached}
    id = client.json("POST", "/api/runtimes", definition)["id"]
    while client.json("GET", f"/api/runtimes/{id}")["status"] != "ready":
        time.sleep(0.05)
    return id


def interpreter(client, runtime):
    """The interpreter of the runtime, for a fair comparison, or the one that measures."""
    path = client.evaluate(runtime, "import sys; print(sys.executable)").strip()
    return path if os.access(path, os.X_OK) else sys.executable


def wait_for_parked(client, runtime, wanted):
    """The refill of the pool is over, so that it does not disturb what is measured next."""
    while client.json("GET", f"/api/runtimes/{runtime}/pool")["parked"] < wanted:
        time.sleep(0.002)


def latency(rows, client, cold, warm, count):
    """Bare interpreter starts, cold and warm evaluations, in turns."""
    python = interpreter(client, cold)
    command = [python, "-I", "-S", "-c", "print(1)"]
    for _ in range(5):
        client.evaluate(cold, "print(1)")
    for _ in range(count):
        rows.measure("interpreter", lambda: subprocess.run(command, check=True, capture_output=True))
        assert rows.measure("cold", lambda: client.evaluate(cold, "print(1)")) == "1\n"
        wait_for_parked(client, warm, PARKED)
        assert rows.measure("warm", lambda: client.evaluate(warm, "print(1)")) == "1\n"
        wait_for_parked(client, warm, PARKED)
    return python


def rate(port, token, clients, seconds, action):
    """Complete actions per second of several clients at once."""
    end = time.perf_counter() + seconds
    counts = [0] * clients

    def work(index):
        client = Client(port, PASSWORD, token)
        while time.perf_counter() < end:
            action(client)
            counts[index] += 1

    threads = [threading.Thread(target=work, args=(index,)) for index in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - start)


def list_runtimes(rows, client, port, size, arguments):
    """The whole list with `size` runtimes on the server."""
    existing = len(client.json("GET", "/api/runtimes")["runtimes"])
    for number in range(existing, size):
        client.json("POST", "/api/runtimes", {"name": f"listed {number}", "execTimeout": 60, "minCachedInstances": 0, "maxCachedInstances": 0})
    while any(found["status"] in ("unknown", "busy") for found in client.json("GET", "/api/runtimes")["runtimes"]):
        time.sleep(0.2)
    for _ in range(arguments.count):
        rows.measure(f"list of {size}", lambda: client.call("GET", "/api/runtimes"))
    return rate(port, client.token, 8, arguments.seconds / 2, lambda other: other.call("GET", "/api/runtimes"))


def summary(rows, python, evaluations, lists):
    base = rows.median("interpreter")
    lines = ["| what | p50 | p99 | p50 as a ratio to a bare interpreter start | per second |", "|---|---|---|---|---|"]

    def line(name, title, per_second=""):
        p50, p99 = rows.median(name), rows.percentile(name, 99)
        lines.append(f"| {title} | {p50:.2f} ms | {p99:.2f} ms | {p50 / base:.2f} | {per_second} |")

    line("interpreter", f"bare start: `{python} -I -S -c 'print(1)'`")
    line("cold", "cold evaluation of `print(1)` with `Prefer: wait`, one client; per second with 8", f"{evaluations:.0f}")
    line("warm", "the same in a parked instance, one client, the pool filled before each")
    for size, per_second in lists.items():
        line(f"list of {size}", f"`GET /api/runtimes` with {size} runtimes, one client; per second with 8", f"{per_second:.0f}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default="target/release/vivarium")
    parser.add_argument("--count", type=int, default=300, help="measurements of each latency")
    parser.add_argument("--seconds", type=float, default=10, help="how long to count evaluations per second")
    arguments = parser.parse_args()
    rows = Rows()
    with tempfile.TemporaryDirectory(prefix="vivarium-bench.") as directory:
        process, port = serve(arguments.binary, directory)
        try:
            client = Client(port, PASSWORD)
            cold, warm = ready_runtime(client, "cold", 0), ready_runtime(client, "warm", PARKED)
            python = latency(rows, client, cold, warm, arguments.count)
            client.call("DELETE", f"/api/runtimes/{warm}")
            evaluations = rate(port, client.token, 8, arguments.seconds, lambda other: other.evaluate(cold, "print(1)"))
            lists = {size: list_runtimes(rows, client, port, size, arguments) for size in (10, 1000)}
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    table = summary(rows, python, evaluations, lists)
    RESULTS.mkdir(exist_ok=True)
    stamp = time.strftime("%Y%m%dT%H%M%S")
    with open(RESULTS / f"{stamp}.csv", "w", newline="") as file:
        csv.writer(file).writerows([("measure", "milliseconds"), *rows.rows])
    (RESULTS / f"{stamp}.md").write_text(table + "\n")
    print(table)
    print(f"\nraw rows: bench/results/{stamp}.csv")


if __name__ == "__main__":
    main()
