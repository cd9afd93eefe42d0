"""Peers that start one command for each evaluation."""

import subprocess
from shutil import which

from bench.http_client import Wrong

LIMIT_SECONDS = 60


class Command:
    """A command line that prints 1; `reason` tells why it cannot run here."""

    every = 1  # takes part in each round
    serial = False
    peer = True

    def __init__(self, name, title, command):
        self.name, self.title, self.command = name, title, command

    def reason(self):
        if which(self.command[0]) is None:
            return f"`{self.command[0]}` is not installed"
        try:
            self.run()
        except (Wrong, subprocess.SubprocessError) as error:
            return f"does not work here: {error}"
        return None

    def prepare(self, clients):
        """Nothing is kept between runs."""

    def line(self):
        return self.command

    def run(self, _client=None):
        done = subprocess.run(self.line(), capture_output=True, timeout=LIMIT_SECONDS)
        if done.returncode or done.stdout != b"1\n":
            raise Wrong(f"exit status {done.returncode}: {done.stderr.decode(errors='replace').strip()[:200]}")


def commands(python):
    """The bare interpreter, and bubblewrap around it."""
    script = [python, "-I", "-S", "-c", "print(1)"]
    walls = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
    return [
        Command("bare", "bare `python3 -I -S -c 'print(1)'`", script),
        Command("bwrap", "`bwrap --unshare-all` around it", [*walls, *script]),
    ]
