"""Pyodide in Node: one interpreter that is up already and shares its state between runs; no HTTP."""

import json
import subprocess
from pathlib import Path
from shutil import which

from bench.http_client import Wrong

MODULE = Path(__file__).parent.parent.parent / ".cache" / "bench-pyodide" / "node_modules" / "pyodide"
DRIVER = Path(__file__).with_suffix(".js")


class Pyodide:
    """A child process with one interpreter, so it takes part with one client only."""

    name, title, every, serial = "pyodide", "Pyodide in Node, warm (state shared, no HTTP)", 1, True
    peer = True

    def __init__(self):
        self.process = None

    def reason(self):
        if which("node") is None or not MODULE.exists():
            return "Node or its package `pyodide` is not installed"
        command = ["node", str(DRIVER), str(MODULE)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.run()
        except (Wrong, OSError, ValueError) as error:
            return f"does not work here: {error}"
        return None

    def prepare(self, clients):
        """The interpreter is up already."""

    def run(self, _client=None):
        self.process.stdin.write(json.dumps("print(1)") + "\n")
        self.process.stdin.flush()
        if (answer := json.loads(self.process.stdout.readline())) != "1\n":
            raise Wrong(f"printed {answer!r}")

    def close(self):
        """Idempotent; the driver holds nothing that must be put in order."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None
