"""An orderly end, and the stream of what an evaluation writes."""

import base64
import contextlib
import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from client import CANCELLED, ERROR, READY, RUNNING, Client, stdout
from host import alive, cgroups, children
from server import Server
from waiting import wait_until

SLEEPER = "print('begun', flush=True)\nimport time\ntime.sleep({})"


def test_end_during_evaluations(tmp_path):
    server = Server(tmp_path).start()
    client = Client(server.url)
    runtime = client.ready_runtime("stop")
    short = client.start(SLEEPER.format(1) + "\nprint('ended')", runtime)["id"]
    long = [client.start(SLEEPER.format(600), runtime)["id"] for _ in range(4)]
    for id in [short, *long]:
        client.wait_for_output(id, "begun")
    processes = children(server.process.pid)
    assert len(processes) >= 5 and cgroups(server)
    server.stop()
    assert not alive(processes) and not cgroups(server)

    with server:
        client.url = server.url
        ended = client.evaluation(short)
        assert (ended["status"], stdout(ended)) == (READY, "begun\nended\n")
        for id in long:
            evaluation = client.evaluation(id)
            assert evaluation["status"] in (ERROR, CANCELLED) and stdout(evaluation) == "begun\n"
            assert "server" in evaluation["message"] and "stop" in evaluation["message"], evaluation["message"]


def test_end_answers_those_who_wait(tmp_path):
    server = Server(tmp_path).start()
    client = Client(server.url)
    runtime = client.ready_runtime("stop")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(Client(server.url).start, SLEEPER.format(600), runtime, 60)
        # Parked instances are processes too, so the metric is what tells.
        running = "vivarium_evaluations_running 1"
        wait_until(lambda: running in requests.get(f"{server.url}/metrics", timeout=10).text, what="the evaluation runs")
        server.stop()
        answer = waiting.result(10)
    assert answer["status"] in (ERROR, CANCELLED) and "stop" in answer["message"]


def test_end_while_evaluations_are_being_accepted(tmp_path):
    """Whoever asks at the moment of the end is refused or told the end; the server does not wait for them for ever."""
    server = Server(tmp_path).start()
    clients = [Client(server.url) for _ in range(12)]

    def ask(client):
        body = {"scriptContent": base64.b64encode(SLEEPER.format(600).encode()).decode()}
        with contextlib.suppress(requests.ConnectionError):
            url, headers = f"{client.url}/api/scripts/evaluation", {"Prefer": "wait=60"}
            return client.session.post(url, json=body, headers=headers, timeout=60).status_code

    with ThreadPoolExecutor(len(clients)) as pool:
        answers = [pool.submit(ask, client) for client in clients]
        wait_until(lambda: any(answer.running() for answer in answers), what="somebody asks")
        server.stop()
        assert {answer.result(10) for answer in answers} <= {200, 503, None}


def test_a_second_server_cannot_take_the_data_directory(own_server):
    second = own_server.run("serve", "--listen", "127.0.0.1:0", *own_server.store_arguments)
    assert second.returncode != 0 and str(own_server.data) in second.stderr
    Client(own_server.url)


def events(client, id, after=None, limit=None):
    """Up to `limit` events, or all to the end of the stream."""
    return list(itertools.islice(client.events(id, after), limit))


WRITER = "import sys, time\nfor n in range(60):\n    print('line', n, '🦎', flush=True)\n    print('error', n, file=sys.stderr, flush=True)\n    time.sleep(0.02)"


def joined(found, kind):
    return "".join(data for _, event, data in found if event == kind)


@pytest.mark.parametrize("piece", [1, 7, None])
def test_reconnected_streams_give_everything_exactly_once(client, plain, piece):
    id = client.start(WRITER, plain)["id"]
    found = events(client, id, limit=piece)
    while found[-1][1] != "status" or found[-1][2]["status"] < READY:
        more = events(client, id, after=found[-1][0], limit=piece)
        assert more, "the stream ended before the final status"
        found += more
    assert joined(found, "stdout") == "".join(f"line {n} 🦎\n" for n in range(60))
    assert joined(found, "stderr") == "".join(f"error {n}\n" for n in range(60))
    numbers = [int(number) for number, _, _ in found]
    assert numbers == sorted(set(numbers))
    assert found[-1][2]["status"] == READY
    assert found[-1][2] == client.evaluation(id)


def test_stream_of_an_ended_evaluation(client, plain):
    id = client.start("print('all')", plain, wait=30)["id"]
    client.finished(id)
    found = events(client, id)
    assert joined(found, "stdout") == "all\n" and found[-1][1] == "status"
    assert events(client, id, after=found[-1][0]) == []


def test_stream_shows_output_while_it_is_written(client, plain):
    id = client.start(SLEEPER.format(600), plain)["id"]
    client.wait_for_output(id, "begun\n")
    assert client.evaluation(id)["status"] == RUNNING
    client.call("DELETE", f"/api/scripts/evaluation/{id}")
    ended = client.finished(id)
    assert (ended["status"], stdout(ended)) == (CANCELLED, "begun\n")
