"""The calls of the documents that the server is made after, with this server's address."""

import json
import shutil
import subprocess
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest
import requests

from server import PASSWORD
from shapes import assert_shape, assert_xml_shape

DATA = Path(__file__).parent / "data"
RUNTIMES = "/mfpadmin/management-apis/2.0/runtimes"


def curl(url, *headers, user=None):
    """Status, content type and body, by curl where it is installed."""
    if not shutil.which("curl"):
        pairs = dict(header.split(": ", 1) for header in headers)
        answer = requests.get(url, headers=pairs, auth=user and tuple(user.split(":", 1)), timeout=60)
        return answer.status_code, answer.headers["Content-Type"], answer.text
    command = ["curl", "-sS", "-X", "GET", url, "-w", "\n%{http_code} %{content_type}"]
    for header in headers:
        command += ["-H", header]
    if user:
        command += ["-u", user]
    body, _, last = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.rpartition("\n")
    status, _, kind = last.partition(" ")
    return int(status), kind, body


def sample(name):
    return json.loads((DATA / name).read_text())


@pytest.mark.parametrize("base", ["/MicroStrategyLibrary", ""])
def test_list_of_runtimes(server, client, base):
    status, kind, body = curl(f"{server.url}{base}/api/runtimes", "accept: application/json", f"X-MSTR-AuthToken: {client.token}")
    assert (status, kind.split(";")[0]) == (200, "application/json")
    default = next(runtime for runtime in json.loads(body)["runtimes"] if runtime["id"] == "0F35652CA7D041978BF0CBCB67531203")
    expected = sample("runtimes.json")["runtimes"][0]
    for package in default["packages"]:
        package.pop("installedVersion", None)
        package.pop("message", None)
    assert_shape(expected, default, more=["whitelist", "resource", "executionTarget", "stopped", "instanceMode"])
    assert (default["type"], default["subtype"], default["owner"]) == (80, 20480, expected["owner"])
    assert default["acg"] == 255


def test_definition_of_a_runtime(server, client, name):
    expected = sample("runtime.json")
    definition = {key: expected[key] for key in ("description", "resource", "execTimeout", "others", "minCachedInstances", "maxCachedInstances")}
    package = {"name": "no-such-package-vvv", "version": "", "description": "string"}
    id = client.create_runtime(name, whitelist=[""], packages=[package], **definition)
    client.runtime_with_status(id, "error")
    status, kind, body = curl(f"{server.url}/MicroStrategyLibrary/api/runtimes/{id}", "accept: application/json", f"X-MSTR-AuthToken: {client.token}")
    assert (status, kind.split(";")[0]) == (200, "application/json")
    runtime = json.loads(body)
    assert runtime["resource"].pop("disk") > 0 and runtime["resource"].pop("procCount") > 0
    assert_shape(expected, runtime, more=["executionTarget", "stopped", "instanceMode"])
    assert {key: runtime[key] for key in definition} == definition
    assert runtime["packages"][0]["message"].startswith("Return code: 1.\n")
    assert runtime["packages"][0]["status"] == "not_installed"
    client.call("DELETE", f"/api/runtimes/{id}", expect=204)


def test_a_runtime_that_is_not_there(server, client):
    status, _, body = curl(f"{server.url}/api/runtimes/{'E' * 32}", f"X-MSTR-AuthToken: {client.token}")
    assert (status, json.loads(body)["code"]) == (404, "ERR004")


def test_a_call_without_a_token(server):
    status, _, body = curl(f"{server.url}/api/runtimes", "accept: application/json")
    assert (status, json.loads(body)["code"]) == (401, "ERR009")


def test_mobilefirst_list_as_json(server, plain):
    url = f"{server.url}{RUNTIMES}?locale=de_DE&mode=db"
    status, kind, body = curl(url, "Accept: application/json", user=f"administrator:{PASSWORD}")
    assert (status, kind.split(";")[0]) == (200, "application/json")
    assert_shape(sample("projects.json"), json.loads(body))
    assert json.loads(body)["projects"], "the list has at least the default runtime"


@pytest.mark.parametrize("media_type", ["application/xml", "text/xml"])
def test_mobilefirst_list_as_xml(server, plain, media_type):
    status, kind, body = curl(f"{server.url}{RUNTIMES}?mode=db", f"Accept: {media_type}", user=f"administrator:{PASSWORD}")
    assert (status, kind.split(";")[0]) == (200, media_type)
    expected = (DATA / "projects.xml").read_text()
    assert body.startswith(expected.splitlines()[0])
    assert_xml_shape(xml.fromstring(expected), xml.fromstring(body.encode()))
