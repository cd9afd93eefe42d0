"""Real server processes, each with a data directory and a port of its own."""

import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

BINARY = os.environ.get("VIVARIUM_BIN") or str(Path(__file__).parents[2] / "target/debug/vivarium")
PASSWORD = "correct horse battery staple"

# For servers of a test's own: nothing to install at the start, an installer that need not be obtained, room for many
# evaluations at once, a short farewell.
QUICK = f"""
[packages]
uv = "{Path(sys.prefix) / 'bin/uv'}"

[runtimes]
default_packages = []

[evaluations]
max_running = 16
grace_seconds = 3
"""


class Server:
    """`vivarium serve`, started on a free port and ended by SIGTERM."""

    def __init__(self, directory, database_url=None, environment=None, configuration=QUICK):
        self.directory = Path(directory)
        self.data = self.directory / "data"
        self.database_url = database_url
        self.configuration = configuration
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("VIVARIUM_")},
            "VIVARIUM_ADMIN_PASSWORD": PASSWORD,
            **(environment or {}),
        }
        self.process = None
        self.url = None

    @property
    def store_arguments(self):
        """What every verb that needs the store takes."""
        arguments = ["--data-dir", str(self.data)]
        if self.database_url:
            arguments += ["--database-url", self.database_url]
        if self.configuration:
            file = self.directory / "vivarium.toml"
            file.write_text(self.configuration)
            arguments += ["--config", str(file)]
        return arguments

    @property
    def library(self):
        return f"{self.url}/MicroStrategyLibrary"

    @property
    def log(self):
        return (self.directory / "log").read_text(errors="replace")

    def start(self, timeout=60):
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--listen", "127.0.0.1:0", *self.store_arguments],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, env=self.environment,
            )
        lines = queue.Queue()
        threading.Thread(target=_forward_lines, args=(self.process.stdout, lines), daemon=True).start()
        try:
            line = lines.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"the server did not say that it listens:\n{self.log}") from None
        assert line.startswith("listening on http://"), f"unexpected output {line!r}:\n{self.log}"
        self.url = line.split()[2].rstrip("/")
        return self

    def stop(self, timeout=60):
        """Ends the server as an operator would, and insists on a clean end."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the server did not end within {timeout} s of SIGTERM:\n{self.log}") from None
        assert status == 0, f"the server ended with status {status}:\n{self.log}"

    def kill(self):
        """Ends the server without any warning."""
        process, self.process = self.process, None
        process.kill()
        process.wait()

    def run(self, *arguments, timeout=60, environment=None, **options):
        """Another verb of the program, to its end."""
        return subprocess.run(
            [BINARY, *arguments], capture_output=True, text=True, timeout=timeout,
            env={**self.environment, **(environment or {})}, **options,
        )

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def _forward_lines(stream, lines):
    for line in stream:
        lines.put(line.rstrip("\n"))
    lines.put("(end of output)")
