"""A Jupyter Kernel Gateway with one kernel that is up already and shares its state between runs."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from bench.http_client import Wrong

PYTHON = Path(__file__).parent.parent.parent / ".cache" / "bench-jupyter" / "bin" / "python"
DRIVER = Path(__file__).with_name("jupyter_driver.py")
UP_SECONDS, END_SECONDS = 60, 20


class Jupyter:
    """A gateway and a client of its kernel, so it takes part with one client only."""

    name, title, every, serial = "jupyter", "Jupyter Kernel Gateway, warm kernel (state shared)", 1, True
    peer = True

    def __init__(self, directory):
        self.directory = Path(directory) / "jupyter"
        self.gateway = self.client = None

    def reason(self):
        if not PYTHON.exists():
            return "the package `jupyter_kernel_gateway` is not installed"
        try:
            self._start()
            self.run()
        except (Wrong, OSError, ValueError) as error:
            return f"does not work here: {error}"
        return None

    def _start(self):
        self.directory.mkdir()
        port = _free_port()
        names = ("HOME", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR")
        environment = {**os.environ, **{name: str(self.directory) for name in names}}
        listen = ["--ip=127.0.0.1", f"--port={port}", "--KernelGatewayApp.port_retries=0"]
        with open(self.directory / "log", "wb") as log:
            # In a session of its own: with it the kernel can be ended, too.
            self.gateway = subprocess.Popen(
                [PYTHON, "-m", "kernel_gateway", *listen], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment, start_new_session=True,
            )
        _wait_until_up(f"http://127.0.0.1:{port}/api", self.gateway)
        command = [PYTHON, DRIVER, f"127.0.0.1:{port}"]
        self.client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def prepare(self, clients):
        """The kernel is up already."""

    def run(self, _client=None):
        self.client.stdin.write(json.dumps("print(1)") + "\n")
        self.client.stdin.flush()
        if (answer := json.loads(self.client.stdout.readline())) != "1\n":
            raise Wrong(f"printed {answer!r}")

    def close(self):
        """Idempotent."""
        if self.client is not None:
            self.client.kill()
            self.client.communicate()
            self.client = None
        if self.gateway is not None:
            self.gateway.terminate()
            try:
                self.gateway.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self.gateway.pid, signal.SIGKILL)
                self.gateway.wait()
            self.gateway = None


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _wait_until_up(address, process):
    end = time.monotonic() + UP_SECONDS
    while True:
        try:
            return urllib.request.urlopen(address, timeout=UP_SECONDS).close()
        except urllib.error.URLError as error:
            if process.poll() is not None or time.monotonic() > end:
                raise OSError(f"the gateway did not start: {error}") from None
            time.sleep(0.05)
