"""Runtimes with packages: how fast one is ready out of cached wheels, and a script that imports pandas."""

import itertools
import os
import subprocess
import time

from bench.server import NotReady

# Small wheels that depend on nothing; every five of them are an environment of their own out of the same cache.
WHEELS = ["six", "idna", "certifi", "urllib3", "iniconfig", "pluggy", "packaging"]
CHOSEN = 5
IMPORT = "import pandas"
LEARNED, LEARNED_SECONDS = "import sys\nprint('pandas' in sys.modules)", 60
SCRIPT, OUTPUT = f"{IMPORT}\nprint(pandas.DataFrame({{'a': [1, 2, 3]}})['a'].sum())", "6\n"


def wheels(records, server, bare, count):
    """From the definition of a runtime to `ready`, all wheels being in the installer's cache."""
    first = server.define("all wheels", packages=[(name, "") for name in WHEELS])
    server.wait_until_ready(first)
    pins = [(one["name"], one.get("installedVersion") or "") for one in server.runtime(first)["packages"]]
    for number, chosen in enumerate(itertools.islice(itertools.combinations(pins, CHOSEN), count)):
        records.measure("wheels", bare.name, 1, bare.run)
        start = time.perf_counter()
        runtime = server.define(f"wheels {number}", packages=chosen)
        server.wait_until_ready(runtime, pause=0.002)
        records.add("wheels", "definition to ready", 1, (time.perf_counter() - start) * 1000)
        server.remove(runtime)
    server.remove(first)


def learn(server, runtime, evaluation):
    """Until the scripts of the runtime find pandas loaded: it is learned from use."""
    server.client.evaluate(evaluation, OUTPUT)
    look = server.client.evaluation(runtime, LEARNED)
    end = time.monotonic() + LEARNED_SECONDS
    while server.client.evaluate(look)["results"]["stdout"] != "True\n":
        if time.monotonic() > end:
            raise NotReady(f"pandas was not loaded ahead within {LEARNED_SECONDS} s")
        time.sleep(0.05)


def pandas(records, server, python, count):
    """The script in a parked instance, in turns with a bare import by the same interpreter from the same directory."""
    runtime = server.define("pandas", 2, packages=[("pandas", "")])
    server.wait_until_ready(runtime)
    found = next((server.directory / "data" / "environments").glob("*/tree/**/pandas/__init__.py"))
    environment = {**os.environ, "PYTHONPATH": str(found.parent.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    evaluation = server.client.evaluation(runtime, SCRIPT)
    learn(server, runtime, evaluation)
    for _ in range(count):
        # The base of this phase is the import, so it has the name of the bare start.
        records.measure("pandas", "bare", 1, lambda: subprocess.run([python, "-c", IMPORT], check=True, env=environment))
        server.wait_until_parked(runtime, 2)
        records.measure("pandas", "warm", 1, lambda: server.client.evaluate_warm(evaluation, OUTPUT))
    server.remove(runtime)
