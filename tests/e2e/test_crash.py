"""A server that is killed without warning: what was acknowledged is there, what ran is reported as what it was."""

import time

import requests

from client import ERROR, INITIATED, READY, RUNNING, Client, stdout
from host import alive, children
from server import Server
from waiting import wait_until

SLEEPER = "print('begun', flush=True)\nimport time\ntime.sleep(600)"


def start_sleepers(client, runtime, count=8):
    """The ids of evaluations that have begun and will not end by themselves."""
    ids = [client.start(SLEEPER, runtime)["id"] for _ in range(count)]
    for id in ids:
        client.wait_for_output(id, "begun")
    return ids


def test_kill_while_evaluations_run(tmp_path, database_url):
    server = Server(tmp_path, database_url)
    with server:
        client = Client(server.url)
        runtime = client.ready_runtime("crash", description="before the crash")
        done = client.start("print('done')\ndef get_results(): return 7", runtime, wait=30)
        running = start_sleepers(client, runtime)
        unstarted = client.create_runtime("made at the last moment", packages=[{"name": "no-such-package-vvv"}])
        stopped = client.create_runtime("stopped")
        client.call("POST", f"/api/runtimes/{stopped}/stop")
        before = client.runtime(runtime)
        processes = children(server.process.pid)
        assert len(processes) >= 8
        server.kill()

        server.start()
        wait_until(lambda: not alive(processes), timeout=10, what="nothing of the old server runs")
        client.url = server.url
        assert stdout(client.evaluation(done["id"])) == "done\n"
        assert client.evaluation(done["id"])["results"]["output"] == "7"
        for id in running:
            evaluation = client.finished(id)
            assert (evaluation["status"], "restart" in evaluation["message"]) == (ERROR, True), evaluation
            # As much of it as had been saved; a save can fall between a text and its newline.
            assert "begun\n".startswith(stdout(evaluation))
        counted = [line for line in client.metrics() if 'reason="server-restarted"' in line and runtime in line]
        assert [line.rpartition(" ")[2] for line in counted] == [str(len(running))], counted
        after = client.runtime_with_status(runtime, "ready")
        assert {key: after[key] for key in after if key != "status"} == {key: before[key] for key in before if key != "status"}
        assert client.runtime_with_status(unstarted, "error")["packages"][0]["status"] == "not_installed"
        assert client.start("print(1)", stopped, expect=409)["code"]
        again = client.evaluate("print('again')", runtime)
        assert (again["status"], stdout(again)) == (READY, "again\n")


def test_kill_while_a_build_runs(tmp_path, database_url, package_index):
    with Server(tmp_path, database_url) as server:
        client = Client(server.url)
        runtime = client.ready_runtime("crash")
        running = start_sleepers(client, runtime)
        built = client.create_runtime("built", packages=[{"name": "six", "version": "1.16.0"}, {"name": "numpy"}])
        waiting = client.start("import numpy, six\nprint(six.__version__)", built)["id"]
        wait_until(lambda: client.runtime(built)["status"] == "busy", interval=0.005)
        processes = children(server.process.pid)
        server.kill()

        server.start()
        client.url = server.url
        wait_until(lambda: not alive(processes), timeout=10, what="nothing of the old server runs")
        client.runtime_with_status(built, "ready", timeout=300)
        assert {client.finished(id)["status"] for id in running} == {ERROR}
        assert client.finished(waiting)["status"] in (READY, ERROR)
        evaluation = client.evaluate("import numpy, six\nprint(six.__version__, numpy.arange(4).sum())", built)
        assert (evaluation["status"], stdout(evaluation)) == (READY, "1.16.0 6\n"), evaluation


def test_everything_acknowledged_survives_kills_under_load(tmp_path, database_url):
    """Runtimes are made and evaluations started until the server is gone; each that was acknowledged is there after."""
    server = Server(tmp_path, database_url).start()
    client = Client(server.url)
    runtime = client.ready_runtime("crash")
    for round in range(3):
        acknowledged, end = {"runtimes": [], "evaluations": []}, time.monotonic() + 1
        try:
            for number in range(100_000):
                acknowledged["evaluations"].append(client.start(f"print({number})", runtime)["id"])
                acknowledged["runtimes"].append(client.create_runtime(f"{round} {number}"))
                if time.monotonic() > end and server.process:
                    server.kill()
        except requests.ConnectionError:
            pass
        client.url = server.start().url
        assert set(acknowledged["runtimes"]) <= {found["id"] for found in client.runtimes()}
        for id in acknowledged["evaluations"]:
            evaluation = client.finished(id)
            assert evaluation["status"] == READY or "restart" in evaluation["message"], evaluation
            assert evaluation["status"] not in (INITIATED, RUNNING)
    server.stop()
