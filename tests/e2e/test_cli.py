"""The verbs of the program beside `serve`."""

import re
import signal
import subprocess
from pathlib import Path

import pytest

from client import Client
from server import BINARY, PASSWORD
from waiting import wait_until

OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"


@pytest.fixture
def run(server, tmp_path, plain):
    """Runs a script with `vivarium run`, in a runtime without packages."""

    def run(text, *arguments, login=None, **options):
        (tmp_path / "script.py").write_text(text)
        login = server.store_arguments if login is None else login
        return server.run("run", str(tmp_path / "script.py"), "--runtime", plain, "--url", server.url, *login, *arguments, **options)

    return run


def test_help_names_every_verb():
    text = subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True).stdout
    assert all(verb in text for verb in ("serve", "run", "user", "runtime", "doctor", "config"))
    for verb in ("serve", "run", "user", "runtime", "doctor", "config"):
        assert subprocess.run([BINARY, verb, "--help"], capture_output=True, text=True, check=True).stdout


def test_run(run):
    done = run("import sys\nprint('out')\nprint('err', file=sys.stderr)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "out\n", "err\n")


def test_run_hands_on_the_exit_status(run):
    assert run("import sys\nsys.exit(3)").returncode == 3
    failed = run("1/0")
    assert failed.returncode == 1 and "ZeroDivisionError" in failed.stderr


def test_run_tells_limits_by_the_exit_status(run):
    assert run("while True: pass", "--timeout", "1").returncode in (124, 130)


def test_run_shows_output_live_and_cancels(server, plain, tmp_path):
    (tmp_path / "slow.py").write_text("import time\nprint('begun', flush=True)\ntime.sleep(600)")
    command = [BINARY, "run", str(tmp_path / "slow.py"), "--runtime", plain, "--url", server.url, *server.store_arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=server.environment)
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130


def test_run_with_a_password_or_a_token(run, client):
    by_password = run("print(1)", login=["--user", "administrator", "--password-stdin"], input=f"{PASSWORD}\n")
    assert (by_password.returncode, by_password.stdout) == (0, "1\n"), by_password.stderr
    token = client.call("POST", "/api/auth/apiTokens").json()["apiToken"]
    by_token = run("print(2)", login=[], environment={"VIVARIUM_TOKEN": token})
    assert (by_token.returncode, by_token.stdout) == (0, "2\n"), by_token.stderr
    wrong = run("print(3)", login=[], environment={"VIVARIUM_TOKEN": token[::-1]})
    assert (wrong.returncode, wrong.stdout) == (1, "") and wrong.stderr


def test_run_from_standard_input(server, plain):
    done = server.run("run", "-", "--runtime", plain, "--url", server.url, *server.store_arguments, input="print(6 * 7)")
    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr


def test_run_of_what_is_not_there(server):
    runtime = server.run("run", "-", "--runtime", "no such runtime", "--url", server.url, *server.store_arguments, input="print(1)")
    assert runtime.returncode != 0 and "no such runtime" in runtime.stderr
    file = server.run("run", "/no/such/file.py", "--url", server.url, *server.store_arguments)
    assert file.returncode != 0 and "/no/such/file.py" in file.stderr


def test_users_while_the_server_runs(server):
    added = server.run("user", "add", "Ann", "--role", "mfpmonitor", "--password-stdin", *server.store_arguments, input="long enough\n")
    assert added.returncode == 0, added.stderr
    listed = server.run("user", "list", *server.store_arguments).stdout
    assert "Ann" in listed and "mfpmonitor" in listed and "administrator" in listed.lower()
    Client(server.url, "Ann", "long enough")
    twice = server.run("user", "add", "ann", "--password-stdin", *server.store_arguments, input="long enough\n")
    assert twice.returncode != 0 and "exists" in twice.stderr
    assert server.run("user", "remove", "Ann", *server.store_arguments).returncode == 0
    assert "Ann" not in server.run("user", "list", *server.store_arguments).stdout
    with pytest.raises(AssertionError, match="401"):
        Client(server.url, "Ann", "long enough")
    assert server.run("user", "remove", "administrator", *server.store_arguments).returncode != 0


def test_configuration_with_its_origins(server, tmp_path):
    shown = server.run("config", "show", *server.store_arguments, environment={"VIVARIUM_LISTEN": "127.0.0.1:7"})
    assert shown.returncode == 0, shown.stderr
    listen = next(line for line in shown.stdout.splitlines() if "server.listen" in line)
    assert "127.0.0.1:7" in listen and "VIVARIUM_LISTEN" in listen
    assert PASSWORD not in shown.stdout
    file = tmp_path / "bad.toml"
    file.write_text("no_such_key = 1\n")
    refused = server.run("config", "show", "--config", str(file))
    assert refused.returncode != 0 and "no_such_key" in refused.stderr


def test_doctor_judges_every_layer(server):
    seen = server.run("doctor", *server.store_arguments, timeout=120)
    assert seen.returncode == 0, seen.stdout + seen.stderr
    layers = ("user-namespace", "mount-namespace", "pid-namespace", "net-namespace", "cgroup-memory", "capabilities", "no-new-privileges")
    assert all(word in seen.stdout for word in ("python 3.", "database", "uv", *layers))


def test_stop_and_start_of_a_runtime(server, client, name):
    id = client.ready_runtime(name)
    stopped = server.run("runtime", "stop", name, "--url", server.url, *server.store_arguments)
    assert stopped.returncode == 0, stopped.stderr
    wait_until(lambda: client.session.post(
        f"{client.url}/api/scripts/evaluation", json={"scriptContent": "cHJpbnQoMSk=", "scriptRuntimeId": id}).status_code == 409)
    assert server.run("runtime", "start", id, "--url", server.url, *server.store_arguments).returncode == 0
    assert client.evaluate("print(1)", id)["results"]["stdout"] == "1\n"
    assert server.run("runtime", "stop", "no such runtime", "--url", server.url, *server.store_arguments).returncode != 0
    client.call("DELETE", f"/api/runtimes/{id}")


def test_health_and_metrics(server, client):
    assert client.session.get(f"{server.url}/healthz").status_code == 200
    assert client.session.get(f"{server.url}/readyz").status_code == 200


def test_metrics_are_the_documented_ones(server, client, plain):
    before = client.metrics()
    client.evaluate("print('x' * 1000)", plain)
    after = client.metrics()
    documented = set(re.findall(r"`(vivarium_\w+)`", OPERATIONS.read_text()))
    names = {line.split()[2] for line in after if line.startswith("# TYPE")}
    assert names <= documented, names - documented
    labels = f'{{runtime="{plain}"}}'
    for name, least in (("evaluation_output_bytes_total", 1001), ("evaluation_cpu_microseconds_total", 1),
                        ("evaluation_seconds_count", 1), ("evaluation_queued_seconds_count", 1),
                        ("evaluation_peak_memory_bytes_count", 1)):
        assert value(after, f"vivarium_{name}{labels}") >= value(before, f"vivarium_{name}{labels}") + least, name
    assert value(after, f"vivarium_pool_queued{labels}") == 0
    assert value(after, f"vivarium_pool_oldest_seconds{labels}") >= 0


def value(lines, series):
    """Zero for a series that is not there yet."""
    return next((float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == series), 0)
