"""Scripts that call back as their user by the unmodified client, to a server in a network namespace of its own."""

import json
import re
from pathlib import Path

import pytest

from client import ERROR, READY, Client, stdout
from namespace import Namespace
from server import PASSWORD, QUICK, Server

REQUIREMENTS = (Path(__file__).parent / "requirements.txt").read_text()
MSTRIO = re.search(r"^mstrio-py(==.+)$", REQUIREMENTS, re.MULTILINE).group(1)

EVERYONE = "C82C6B1011D2894CC0009D9F29718E4F"

# Secrets are told backwards, so that what the script writes is no place where they stand.
TELL = """
import json
def tell(**what): print(json.dumps(what))
def backwards(data): return data["defaultEnvironment"]["headers"]["X-MSTR-AuthToken"][::-1]
"""
CONNECT = TELL + """
from mstrio.connection import get_connection
from mstrio.python_execution.runtime import list_runtimes
connection = get_connection(connectionData, project_name="Vivarium")
tell(user=connection.user_full_name, project=connection.project_name, same=connectionData == workstationData,
     runtimes=[runtime.name for runtime in list_runtimes(connection)],
     tokens=[backwards(connectionData), connection.token[::-1]])
"""
UNDEFINED = "print([name for name in ('connectionData', 'workstationData') if name in globals()])"
WAITING = TELL + """
import time
tell(tokens=[backwards(connectionData)])
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def namespace():
    with Namespace() as namespace:
        yield namespace


def configuration(allowed):
    return f"{QUICK}\n[sandbox]\nallow_api = {str(allowed).lower()}\n"


def add_user(server, name):
    """Somebody without any role, who may run scripts and no more."""
    done = server.run("user", "add", name, "--password-stdin", *server.store_arguments, input=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr


def share(administrator, runtime):
    """Lets everyone see and use a runtime (contract 3.4: rights `view`)."""
    entry = {"op": "ADD", "trustee": EVERYONE, "rights": 197, "type": 1, "denied": False, "inheritable": None}
    administrator.call("PUT", f"/api/objects/{runtime}?type=80", json={"acl": [entry]})


def told(evaluation):
    """What the script told; the client writes lines of its own before."""
    return json.loads(stdout(evaluation).splitlines()[-1])


def tokens(evaluation):
    return [token[::-1] for token in told(evaluation)["tokens"]]


def status_of(client, token):
    """How the server answers somebody who presents this session."""
    headers = {"X-MSTR-AuthToken": token}
    return client.session.get(f"{client.url}/MicroStrategyLibrary/api/sessions", headers=headers, timeout=20).status_code


def assert_unwritten(server, secrets):
    """Neither the log nor the database and its journal hold a secret, though they hold what the script wrote."""
    files = [server.directory / "log", *server.data.glob("vivarium.sqlite*")]
    contents = [file.read_bytes() for file in files]
    for secret in secrets:
        assert any(secret[::-1].encode() in content for content in contents), files
        assert not any(secret.encode() in content for content in contents), files


def test_a_script_connects_as_its_user_with_the_real_client(tmp_path, namespace, package_index):
    """The environment is built outside, where packages are; then a server inside uses it."""
    server = Server(tmp_path, configuration=configuration(True))
    with server:
        packages = [{"name": "mstrio-py", "version": MSTRIO}]
        administrator = Client(server.url)
        id = administrator.ready_runtime("client", packages=packages)
        add_user(server, "anna")
        share(administrator, id)
    namespace.do(server.start)
    try:
        namespace.do(_connect, server, id)
    finally:
        namespace.do(server.stop)


def _connect(server, id):
    anna = Client(server.url, "anna")
    # Again: by then the client may be loaded before the script is there.
    for _ in range(2):
        done = anna.evaluate(CONNECT, id)
        assert done["status"] == READY, done
        assert told(done) | {"tokens": None} == {
            "user": "anna", "project": "Vivarium", "same": True, "runtimes": told(done)["runtimes"], "tokens": None,
        }
        assert "client" in told(done)["runtimes"], done
        secrets = tokens(done)
        assert len(set(secrets)) == 2 and all(re.fullmatch("[a-z2-7]{52}", secret) for secret in secrets)
        assert [status_of(anna, secret) for secret in secrets] == [401, 401], "they end with the evaluation"
        assert_unwritten(server, secrets)
    assert status_of(anna, anna.token) == 200


def test_the_identity_of_a_script_ends_however_the_script_ends(tmp_path, namespace):
    server = Server(tmp_path, configuration=configuration(True))
    namespace.do(server.start)
    try:
        namespace.do(_end_in_all_ways, server)
    finally:
        namespace.do(server.stop)


def _end_in_all_ways(server):
    client = Client(server.url)
    id = client.ready_runtime("plain", minCachedInstances=1, maxCachedInstances=1)
    failed = client.evaluate(f"{TELL}\ntell(tokens=[backwards(connectionData)])\n1/0", id)
    assert failed["status"] == ERROR and status_of(client, *tokens(failed)) == 401, failed
    evaluation, token = _waiting(client, id)
    assert status_of(client, token) == 200
    client.call("DELETE", f"/api/scripts/evaluation/{evaluation}")
    assert status_of(client, token) == 401
    evaluation, token = _waiting(client, id)
    server.kill()
    server.start()
    client = Client(server.url)
    assert client.finished(evaluation)["status"] == ERROR
    assert status_of(client, token) == 401


def _waiting(client, id):
    """A script that waits, and its session."""
    evaluation = client.start(WAITING, id)["id"]
    seen = ""
    for _, event, data in client.events(evaluation):
        seen += data if event == "stdout" else ""
        if "ready" in seen:
            return evaluation, json.loads(seen.splitlines()[0])["tokens"][0][::-1]
    raise AssertionError(f"it ended: {client.evaluation(evaluation)}")


def test_nothing_is_defined_where_scripts_may_not_call_back(client, plain):
    assert stdout(client.evaluate(UNDEFINED, plain)) == "[]\n"
