"""The MobileFirst dialect over a real server: list, link, stopping and starting, roles."""

import xml.etree.ElementTree as xml
from urllib.parse import quote

import pytest
import requests

from client import Client
from host import children
from server import PASSWORD
from waiting import wait_until

ROOT = "/mfpadmin/management-apis/2.0"


def get(server, path, user="administrator", password=PASSWORD, accept="application/json", expect=200):
    url = path if path.startswith("http") else f"{server.url}{ROOT}{path}"
    answer = requests.get(url, auth=(user, password) if user else None, headers={"Accept": accept} if accept else {}, timeout=60)
    assert answer.status_code == expect, f"{path}: {answer.status_code} {answer.text}"
    return answer


def projects(server, mode="running"):
    return {project["name"]: project for project in get(server, f"/runtimes?mode={mode}").json()["projects"]}


def test_list_and_link(server, client):
    name = "Ünï & <códe> 100% + #1"
    id = client.ready_runtime(name)
    project = projects(server)[name]
    assert (project["running"], project["synchronizationStatus"], project["apiVersion"]) == (True, "ok", "2.0")
    assert project["link"] == f"{server.url}{ROOT}/runtimes/{quote(name, safe='')}"
    detail = get(server, project["link"]).json()
    assert (detail["name"], detail["running"], detail["synchronizationStatus"]) == (name, True, "ok")
    assert {"productVersion", "numberOfApplications", "numberOfAdapters", "numberOfActiveDevices", "numberOfDecommisionedDevices"} <= set(detail)
    tree = xml.fromstring(get(server, project["link"], accept="application/xml").content)
    assert (tree.tag, tree.get("name"), tree.get("running")) == ("runtime", name, "true")
    listed = xml.fromstring(get(server, "/runtimes", accept="text/xml;q=0.9, image/png").content)
    assert name in [found.get("name") for found in listed.find("projects")]
    client.call("DELETE", f"/api/runtimes/{id}")


def test_stopped_runtime_is_only_in_the_database(server, client, name):
    id = client.ready_runtime(name)
    client.call("POST", f"/api/runtimes/{id}/stop")
    assert name not in projects(server)
    assert projects(server, "db")[name]["running"] is False
    refused = client.start("print(1)", id, expect=409)
    assert "stop" in refused["message"]
    client.call("POST", f"/api/runtimes/{id}/start")
    wait_until(lambda: projects(server).get(name, {}).get("running"))
    assert client.evaluate("print(1)", id)["results"]["stdout"] == "1\n"
    client.call("DELETE", f"/api/runtimes/{id}")


def test_stopping_ends_what_runs(own_server):
    client = Client(own_server.url)
    id = client.ready_runtime("busy")
    evaluation = client.start("print('begun', flush=True)\nwhile True: pass", id)["id"]
    client.wait_for_output(evaluation, "begun")
    client.call("POST", f"/api/runtimes/{id}/stop")
    ended = client.finished(evaluation)
    assert ended["results"]["stdout"] == "begun\n" and "stop" in ended["message"]
    others = [found["id"] for found in client.runtimes() if found["id"] != id]
    for other in others:
        client.call("POST", f"/api/runtimes/{other}/stop")
    wait_until(lambda: not children(own_server.process.pid), what="a stopped runtime holds no processes")


def test_failed_synchronization_is_told_in_words(server, client, name):
    id = client.create_runtime(name, packages=[{"name": "no-such-package-vvv"}])
    client.runtime_with_status(id, "error")
    status = projects(server, "db")[name]["synchronizationStatus"]
    assert status not in ("ok", "synchronizing") and len(status) > 10
    client.call("DELETE", f"/api/runtimes/{id}")


def test_unknown_runtime(server):
    body = get(server, "/runtimes/no%20such%20runtime", expect=404).json()
    assert body["errorCode"] == "FWLSE3002E" and "no such runtime" in str(body)


def test_who_may(server):
    assert get(server, "/runtimes", user=None, expect=401).headers["WWW-Authenticate"].startswith("Basic realm=")
    get(server, "/runtimes", password="wrong", expect=401)
    get(server, "/runtimes", accept="image/png", expect=406)


@pytest.mark.parametrize("role", ["mfpadmin", "mfpdeployer", "mfpmonitor", "mfpoperator"])
def test_each_role_may_list(server, role):
    added = server.run("user", "add", role.upper(), "--role", role, "--password-stdin", *server.store_arguments, input="pass phrase of role\n")
    assert added.returncode == 0, added.stderr
    get(server, "/runtimes", user=role.upper(), password="pass phrase of role")
    assert server.run("user", "remove", role.upper(), *server.store_arguments).returncode == 0


def test_no_role_may_not(server):
    server.run("user", "add", "plain user", "--password-stdin", *server.store_arguments, input="pass phrase\n")
    get(server, "/runtimes", user="plain user", password="pass phrase", expect=403)
    server.run("user", "remove", "plain user", *server.store_arguments)
