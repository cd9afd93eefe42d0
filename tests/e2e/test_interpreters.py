"""Several interpreters on one machine."""

import os
import pwd
import re
import subprocess
from pathlib import Path

import pytest

from client import READY, Client, stdout
from server import Server

OLDEST = (3, 8)


def interpreters():
    """Directories of interpreters on this machine, by minor version."""
    homes = {Path.home(), Path(pwd.getpwuid(os.getuid()).pw_dir)}
    places = [Path(place) for place in os.environ["PATH"].split(":")]
    places += [place for home in homes for place in home.glob(".pyenv/versions/*/bin")]
    found = {}
    for program in (program for place in places if place.is_dir() for program in place.glob("python3.*")):
        if re.fullmatch(r"python3\.\d+", program.name) and "shims" not in program.parts:
            asked = subprocess.run([program, "-I", "-c", "import sys; print(*sys.version_info[:3])"], capture_output=True, text=True)
            version = tuple(map(int, asked.stdout.split())) if asked.returncode == 0 else OLDEST
            if version[:2] > OLDEST:
                found.setdefault(version[:2], program.parent)
    return found


def test_each_runtime_runs_its_own_interpreter(tmp_path):
    found = interpreters()
    if len(found) < 2:
        pytest.skip(f"only one interpreter on this machine ({found}): nothing about several was tested")
    path = ":".join([*map(str, found.values()), os.environ["PATH"]])
    with Server(tmp_path, environment={"PATH": path}) as server:
        client = Client(server.url)
        versions = client.call("GET", "/api/runtimes/versions").json()["versions"]
        minors = {tuple(map(int, version.split(".")[:2])) for version in versions}
        assert set(found) <= minors
        for major, minor in sorted(found)[-2:]:
            id = client.ready_runtime(f"python {major}.{minor}", runtimeVersion=f"{major}.{minor}")
            evaluation = client.evaluate("import platform\nprint(platform.python_version())", id)
            assert evaluation["status"] == READY, evaluation
            assert stdout(evaluation).strip() in versions
            assert stdout(evaluation).startswith(f"{major}.{minor}.")
