"""A server of our own: started for the measurement, gone after it."""

import os
import secrets
import signal
import subprocess
import time
from pathlib import Path

from bench.http_client import Client

MAX_PARKED = 3000
CONFIGURATION = f"""[server]
listen = "127.0.0.1:0"
max_connections = 1024

[pool]
max_parked = {MAX_PARKED}

[runtimes]
default_packages = []
"""


class NotReady(Exception):
    """A runtime that did not get an environment, or a pool that did not fill."""


class Server:
    """A running server with its data below `directory`; use it in a `with` statement."""

    def __init__(self, binary, directory, settings=""):
        self.directory = Path(directory)
        self.data = self.directory / "data"
        self.binary, self.settings = binary, settings
        self.password = secrets.token_hex(16)

    def __enter__(self):
        (self.directory / "vivarium.toml").write_text(CONFIGURATION + self.settings)
        self.log = open(self.directory / "log", "wb")
        configuration = str(self.directory / "vivarium.toml")
        command = [self.binary, "serve", "--config", configuration, "--data-dir", str(self.data)]
        environment = {**os.environ, "VIVARIUM_ADMIN_PASSWORD": self.password}
        # In a session of its own: Ctrl-C reaches only the measuring program, which then ends the server in order.
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self.log, env=environment, text=True, start_new_session=True
        )
        try:
            self._wait_until_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait_until_up(self):
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            raise SystemExit(f"error: the server did not start:\n{(self.directory / 'log').read_text()}")
        self.port = int(line.rstrip("/\n").rpartition(":")[2])
        self.client = Client.logged_in(self.port, self.password)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def connect(self):
        return Client(self.port, self.client.token)

    def define(self, name, parked=0, packages=(), **fields):
        """Saves a runtime that keeps so many instances parked; its id."""
        listed = [{"name": package, "version": version} for package, version in packages]
        definition = {
            "name": name, "execTimeout": 60, "packages": listed,
            "minCachedInstances": parked, "maxCachedInstances": parked, **fields,
        }
        return self.client.json("POST", "/api/runtimes", definition)["id"]

    def remove(self, runtime):
        self.client.call("DELETE", f"/api/runtimes/{runtime}")

    def runtime(self, runtime):
        return self.client.json("GET", f"/api/runtimes/{runtime}")

    def wait_until_ready(self, runtime, seconds=300, pause=0.01):
        end = time.monotonic() + seconds
        while (document := self.runtime(runtime))["status"] != "ready":
            if document["status"] == "error" or time.monotonic() > end:
                reasons = [document.get("message"), *(one.get("message") for one in document["packages"])]
                raise NotReady(f"status {document['status']}: {'; '.join(filter(None, reasons))}"[:300])
            time.sleep(pause)

    def pool(self, runtime):
        return self.client.json("GET", f"/api/runtimes/{runtime}/pool")

    def wait_until_parked(self, runtime, wanted, seconds=120, pause=0.002):
        """The refill of the pool is over, so that it does not disturb what is measured next."""
        end = time.monotonic() + seconds
        while (state := self.pool(runtime))["parked"] < wanted or state["starting"] or state["running"]:
            if time.monotonic() > end:
                raise NotReady(f"only {state['parked']} of {wanted} instances were parked after {seconds} s")
            time.sleep(pause)

    def interpreter(self, runtime):
        """The interpreter of the runtime, for a fair comparison; `None` if it does not exist outside."""
        evaluation = self.client.evaluation(runtime, "import sys; print(sys.executable)")
        path = self.client.evaluate(evaluation)["results"]["stdout"].strip()
        return path if os.access(path, os.X_OK) else None
