"""The whitelist of a runtime, with the real binary in a network namespace of its own."""

import os
import socket
import subprocess
import threading
from urllib.parse import unquote, urlsplit

import pytest

from client import ERROR, READY, Client, stdout
from namespace import PATH, Namespace
from server import QUICK, Server
from waiting import wait_until

LISTED, OTHER = "10.9.9.9", "10.9.9.10"


@pytest.fixture
def namespace():
    with Namespace(f"{LISTED}/32", f"{OTHER}/32") as namespace:
        yield namespace


def metric(client, name, runtime):
    lines = client.metrics()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name) and runtime.lower() in line.lower())


def test_a_script_reaches_the_database_that_is_listed_and_no_other(tmp_path, namespace, postgresql, package_index):
    """The environment is built outside, where packages are; then a server inside uses it."""
    parts = urlsplit(postgresql)
    for address in (LISTED, OTHER):
        namespace.relay((address, 5432), (parts.hostname, parts.port or 5432))
    server = Server(tmp_path)
    with server:
        packages = [{"name": "psycopg2-binary", "version": ""}]
        id = Client(server.url).ready_runtime("db", packages=packages, whitelist=[f"{LISTED}/32"])
    namespace.do(server.start)
    try:
        namespace.do(_query, Client, server, id, parts)
    finally:
        namespace.do(server.stop)


def _query(make_client, server, id, parts):
    client = make_client(server.url)
    login = {"user": unquote(parts.username), "password": unquote(parts.password or ""),
             "dbname": parts.path.lstrip("/"), "connect_timeout": 10}
    code = f"""
import psycopg2
with psycopg2.connect(host=HOST, **{login!r}) as connection, connection.cursor() as cursor:
    cursor.execute("select 6 * 7")
    print(cursor.fetchone())
"""
    good = client.evaluate(f"HOST = {LISTED!r}\n{code}", id)
    assert (good["status"], stdout(good)) == (READY, "(42,)\n"), good
    bad = client.evaluate(f"HOST = {OTHER!r}\n{code}", id)
    assert bad["status"] == ERROR and "OperationalError" in bad["message"], bad
    assert bad["message"].endswith(f"hint: the runtime's whitelist does not allow {OTHER} port 5432"), bad
    wait_until(lambda: metric(client, "vivarium_network_refused_total", id) >= 1, 20, what="the count of refused attempts")


ECHO = """
import socket, sys
connection = socket.create_connection(("%s", 7), 10)
connection.sendall(b"hello")
print(connection.recv(5).decode(), flush=True)
connection.recv(1)
"""


def test_a_changed_list_counts_at_once_for_what_runs(tmp_path, namespace):
    """A connection that is open is cut; nothing is rebuilt or restarted."""
    listener = namespace.do(socket.create_server, (LISTED, 7))
    threading.Thread(target=_echo, args=(listener,), daemon=True).start()
    server = Server(tmp_path, configuration=QUICK)
    namespace.do(server.start)
    try:
        namespace.do(_shrink_and_grow, server)
    finally:
        namespace.do(server.stop)


def _echo(listener):
    """Answers once and holds the connection."""
    held = []
    while True:
        connection, _ = listener.accept()
        connection.sendall(connection.recv(5))
        held.append(connection)


def _shrink_and_grow(server):
    client = Client(server.url)
    id = client.ready_runtime("net", minCachedInstances=1, maxCachedInstances=1)
    before = client.runtime(id)
    refused = client.evaluate(ECHO % LISTED, id)
    assert refused["status"] == ERROR, refused
    client.call("PATCH", f"/api/runtimes/{id}", json={"name": "net", "whitelist": [f"{LISTED}/32"]})
    evaluation = client.start(ECHO % LISTED, id)["id"]
    client.wait_for_output(evaluation, "hello")
    client.call("PATCH", f"/api/runtimes/{id}", json={"name": "net", "whitelist": [f"{OTHER}/32"]})
    cut = client.finished(evaluation)
    assert cut["status"] == ERROR and "ConnectionResetError" in cut["message"], cut
    assert f"does not allow {LISTED} port 7" in cut["message"], cut
    assert client.runtime(id)["status"] == before["status"] == "ready"


INSIDE_OUT = """
import socket, urllib.request
print(urllib.request.urlopen("http://vivarium.internal/healthz", timeout=10).status)
for address in ("127.0.0.1", "100.64.0.1", "%s"):
    try: print(socket.create_connection((address, %d), 2))
    except OSError as error: print(type(error).__name__)
"""


@pytest.mark.parametrize("allowed", [True, False])
def test_scripts_reach_the_servers_own_interface_only_where_that_is_allowed(tmp_path, namespace, allowed):
    configuration = f"{QUICK}\n[sandbox]\nallow_api = {str(allowed).lower()}\n"
    server = Server(tmp_path, configuration=configuration)
    namespace.do(server.start)
    try:
        namespace.do(_call_back, server, allowed)
    finally:
        namespace.do(server.stop)


def _call_back(server, allowed):
    client = Client(server.url)
    id = client.ready_runtime("api", minCachedInstances=1, maxCachedInstances=1)
    done = client.evaluate(INSIDE_OUT % (LISTED, urlsplit(server.url).port), id)
    if allowed:
        assert (done["status"], stdout(done)) == (READY, "200\n" + "ConnectionRefusedError\n" * 3), done
    else:
        assert done["status"] == ERROR and "URLError" in done["message"], done


def test_nothing_stays_after_the_server(tmp_path, namespace):
    """No interface, rule or namespace: killed or stopped, the router goes with the process."""
    server = Server(tmp_path, configuration=QUICK)
    before = namespace.do(_links)
    for end in (server.kill, server.stop):
        namespace.do(server.start)
        client = namespace.do(Client, server.url)
        id = namespace.do(client.ready_runtime, f"net {end.__name__}", whitelist=["10.0.0.0/8"], minCachedInstances=1)
        done = namespace.do(client.evaluate, "import socket; print(*(name for _, name in socket.if_nameindex()))", id)
        assert stdout(done) == "lo eth0\n", done
        assert namespace.do(_links) == before, "the host sees nothing of it even while it runs"
        namespace.do(end)
        assert namespace.do(_links) == before


def _links():
    output = subprocess.run(["sh", "-c", "ip -o link; nft list ruleset"], check=True, capture_output=True, text=True,
                            env={**os.environ, "PATH": PATH})
    return output.stdout
