"""Every limit has its own reason, keeps what was written before, and harms nobody else."""

import json
import socket
import time

import pytest

from client import ERROR, EXPIRED, READY, Client, stdout
from host import children
from server import PASSWORD, Server


@pytest.fixture
def limited(client, name):
    """Makes a ready runtime with the given limits."""
    made = []

    def make(**definition):
        made.append(client.ready_runtime(f"{name} {len(made)}", **definition))
        return made[-1]

    yield make
    for id in made:
        client.call("DELETE", f"/api/runtimes/{id}")


def test_time(client, limited):
    id = limited(execTimeout=2)
    client.evaluate("print('warm')", id)
    start = time.monotonic()
    evaluation = client.evaluate("print('before', flush=True)\nwhile True: pass", id)
    assert time.monotonic() - start < 3
    assert (evaluation["status"], stdout(evaluation)) == (EXPIRED, "before\n")
    assert "2" in evaluation["message"] and "time" in evaluation["message"].lower()


def test_time_cannot_be_stretched_by_ignoring_signals(client, limited):
    id = limited(execTimeout=2)
    code = "import signal\nfor n in range(1, 64):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: pass"
    start = time.monotonic()
    assert client.evaluate(code, id)["status"] == EXPIRED
    assert time.monotonic() - start < 4


def test_memory(client, limited):
    id = limited(resource={"mem": 128})
    evaluation = client.evaluate("print('before', flush=True)\nx = bytearray(b'x') * 1_000_000_000\nprint('after')", id)
    assert (evaluation["status"], stdout(evaluation)) == (ERROR, "before\n")
    assert "memory" in evaluation["message"].lower()


def test_memory_in_a_temporary_file(client, limited):
    id = limited(resource={"mem": 128, "disk": 32})
    evaluation = client.evaluate("with open('/tmp/x', 'wb') as f:\n    for _ in range(100): f.write(bytes(1_000_000))", id)
    assert evaluation["status"] == ERROR
    assert "No space left" in evaluation["message"] or "disk" in evaluation["message"].lower(), evaluation


def test_fork_bomb(server, client, limited):
    id, other = limited(resource={"procCount": 20}, execTimeout=3), limited()
    bomb = client.start("import os\nprint('begun', flush=True)\nwhile True:\n    try: os.fork()\n    except OSError: pass", id)["id"]
    client.wait_for_output(bomb, "begun")
    for number in range(5):
        evaluation = client.evaluate(f"print({number})", other)
        assert (evaluation["status"], stdout(evaluation)) == (READY, f"{number}\n")
    assert len(children(server.process.pid)) < 60
    assert client.finished(bomb)["status"] in (ERROR, EXPIRED)
    assert stdout(client.evaluate("print('still here')", id)) == "still here\n"


def test_process_limit_is_named(client, limited):
    id = limited(resource={"procCount": 8})
    code = "import subprocess, sys\nkids = [subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE) for _ in range(30)]"
    evaluation = client.evaluate(code, id)
    assert evaluation["status"] == ERROR
    assert "Resource temporarily unavailable" in evaluation["message"] or "process" in evaluation["message"].lower(), evaluation


def test_output(client, plain):
    evaluation = client.evaluate("for _ in range(100): print('x' * 999_999)\nprint('end')", plain)
    text = stdout(evaluation)
    assert text.startswith("xxx") and not text.endswith("end\n")
    assert len(text) < 20_000_000
    assert not set(text[-200:]) <= {"x", "\n"}, "a capped stream says so at its end"
    both = client.evaluate("import sys\nprint('e' * 50_000_000, file=sys.stderr)\nprint('fine')", plain)
    assert stdout(both) == "fine\n" and len(both["results"]["stderr"]) < 20_000_000


SPY = """
import os, socket, sys
def attempt(what, *args):
    try: return what(*args)
    except OSError as error: return type(error).__name__
def read(path): return open(path, 'rb').read().decode(errors='replace')
def get_results():
    return {
        'environment': dict(os.environ), 'root': sorted(os.listdir('/')), 'interpreter': sys.base_prefix, 'uid': os.getuid(), 'pid': os.getpid(),
        'processes': sorted(int(name) for name in os.listdir('/proc') if name.isdigit()),
        'interfaces': [name for _, name in socket.if_nameindex()],
        'descriptors': sorted(attempt(os.readlink, f'/proc/self/fd/{n}') for n in range(3, 64) if os.path.lexists(f'/proc/self/fd/{n}')),
        'host name': socket.gethostname(),
        'files': {path: attempt(read, path) for path in $paths},
        'writes': {path: attempt(open, path + '/x', 'w') for path in ('/', '/usr', '/etc', '/proc/sys/kernel')},
        'connections': {str(port): attempt(socket.create_connection, ('127.0.0.1', port), 2) for port in $ports},
        'environments': {str(pid): attempt(read, f'/proc/{pid}/environ') for pid in range(1, 10)},
    }
"""


def test_no_script_sees_the_host(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("host file")
    with Server(tmp_path, environment={"MARKER_OF_THE_HOST": "host environment"}) as server:
        client = Client(server.url)
        id = client.ready_runtime("spy", whitelist=["127.0.0.0/8"])
        paths = [str(secret), str(server.data), "/etc/shadow", "/root/.bashrc", f"/proc/{server.process.pid}/environ", "/etc/hostname", "/dev/sda", "/dev/mem"]
        port = int(server.url.rpartition(":")[2])
        evaluation = client.evaluate(SPY, id, variables=[
            {"name": "paths", "type": 1, "multiple": True, "value": repr(paths)},
            {"name": "ports", "type": 2, "multiple": True, "value": repr([port, 22, 5432])},
        ])
    assert evaluation["status"] == READY, evaluation
    text = evaluation["results"]["output"]
    for leak in ("host environment", "MARKER_OF_THE_HOST", PASSWORD, "VIVARIUM_", "host file", str(tmp_path)):
        assert leak not in text.replace(str(secret), "").replace(str(server.data), ""), leak
    seen = json.loads(text)
    known = {"dev", "environment", "etc", "home", "lib", "lib64", "proc", "tmp", "usr", "vivarium", seen["interpreter"].split("/")[1]}
    assert set(seen["root"]) <= known
    assert seen["uid"] != 0
    assert len(seen["processes"]) <= 3 and max(seen["processes"]) < 10
    assert set(seen["interfaces"]) <= {"lo", "eth0"}, "the second one leads to the router, which lets nothing of this list pass"
    assert not [name for name in seen["descriptors"] if not name.startswith(("socket:", "pipe:", "FileNotFound", "/proc"))], seen["descriptors"]
    assert seen["host name"] != socket.gethostname()
    assert all(value.endswith("Error") for value in seen["files"].values() if isinstance(value, str)), seen["files"]
    assert all(str(value).endswith("Error") for value in seen["writes"].values()), seen["writes"]
    assert all(str(value).endswith("Error") for value in seen["connections"].values()), seen["connections"]
