"""The verbs of the program beside `serve`."""

import subprocess

import pytest

from client import Client
from server import BINARY, PASSWORD
from waiting import wait_until


@pytest.fixture
def run(server, tmp_path, plain):
    """Runs a script with `vivarium run`."""
    login = {"VIVARIUM_USER": "administrator", "VIVARIUM_PASSWORD": PASSWORD}

    def run(text, *arguments):
        (tmp_path / "script.py").write_text(text)
        return server.run("run", str(tmp_path / "script.py"), "--runtime", plain, "--url", server.url, *arguments, environment=login)

    run.environment = {**server.environment, **login}
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


def test_run_shows_output_live(run, server, plain, tmp_path):
    (tmp_path / "slow.py").write_text("import time\nprint('begun', flush=True)\ntime.sleep(600)")
    command = [BINARY, "run", str(tmp_path / "slow.py"), "--runtime", plain, "--url", server.url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=run.environment)
    assert process.stdout.readline() == "begun\n"
    process.terminate()
    process.wait(30)


def test_run_by_name_and_what_is_not_there(run, server):
    assert run("print(1)", "--runtime", "no such runtime").returncode != 0
    missing = server.run("run", "/no/such/file.py", "--url", server.url)
    assert missing.returncode != 0 and "/no/such/file.py" in missing.stderr


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
    listen = next(line for line in shown.stdout.splitlines() if "listen" in line)
    assert "127.0.0.1:7" in listen and "VIVARIUM_LISTEN" in listen
    assert PASSWORD not in shown.stdout
    file = tmp_path / "bad.toml"
    file.write_text("no_such_key = 1\n")
    refused = server.run("config", "show", "--config", str(file))
    assert refused.returncode != 0 and "no_such_key" in refused.stderr


def test_doctor_judges_every_layer(server):
    seen = server.run("doctor", *server.store_arguments, timeout=120)
    assert seen.returncode == 0, seen.stdout + seen.stderr
    assert all(word in seen.stdout.lower() for word in ("namespace", "cgroup", "interpreter"))


def test_stop_and_start_of_a_runtime(server, client, name):
    id = client.ready_runtime(name)
    stopped = server.run("runtime", "stop", name, *server.store_arguments)
    assert stopped.returncode == 0, stopped.stderr
    wait_until(lambda: client.session.post(
        f"{client.url}/api/scripts/evaluation", json={"scriptContent": "cHJpbnQoMSk=", "scriptRuntimeId": id}).status_code == 409)
    assert server.run("runtime", "start", id, *server.store_arguments).returncode == 0
    assert client.evaluate("print(1)", id)["results"]["stdout"] == "1\n"
    assert server.run("runtime", "stop", "no such runtime", *server.store_arguments).returncode != 0
    client.call("DELETE", f"/api/runtimes/{id}")


def test_health_and_metrics(server, client):
    assert client.session.get(f"{server.url}/healthz").status_code == 200
    assert client.session.get(f"{server.url}/readyz").status_code == 200
    metrics = client.session.get(f"{server.url}/metrics")
    assert metrics.status_code == 200 and "# TYPE" in metrics.text
