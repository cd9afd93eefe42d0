"""Runtimes with packages from a real package index."""

import pytest

from client import ERROR, READY, Client, stdout
from waiting import wait_until

pytestmark = pytest.mark.usefixtures("package_index")
WANTED = [{"name": "six", "version": "1.16.0"}, {"name": "numpy"}, {"name": "no-such-package-vvv"}]
USE = "import numpy, six\nprint(six.__version__, int(numpy.arange(5).sum()))"


def by_name(runtime):
    return {package["name"]: package for package in runtime["packages"]}


def test_one_bad_package_does_not_take_the_others_down_and_is_corrected(client, name):
    id = client.create_runtime(name, packages=WANTED)
    broken = client.runtime_with_status(id, "error", timeout=300)
    packages = by_name(broken)
    assert {name: package["status"] for name, package in packages.items()} == {
        "six": "installed", "numpy": "installed", "no-such-package-vvv": "not_installed"}
    message = packages["no-such-package-vvv"]["message"]
    assert message.startswith("Return code: 1.\n") and "no-such-package-vvv" in message
    assert "message" not in packages["six"]
    assert (packages["numpy"]["version"], packages["six"]["version"]) == ("", "1.16.0")
    assert packages["numpy"]["installedVersion"]
    evaluation = client.evaluate(USE, id)
    assert (evaluation["status"], stdout(evaluation)) == (READY, "1.16.0 10\n"), evaluation

    running = client.start("import time\nprint('begun', flush=True)\ntime.sleep(4)\n" + USE, id)["id"]
    client.call("PATCH", f"/api/runtimes/{id}", json={"name": name, "packages": WANTED[:2]})
    statuses = []
    while client.runtime(id)["status"] != "ready":
        evaluation = client.evaluate(USE, id)
        statuses.append(evaluation["status"])
    healed = client.runtime(id)
    assert all(status == READY for status in statuses)
    assert {package["status"] for package in healed["packages"]} == {"installed"}
    assert healed["version"] != broken["version"]
    assert stdout(client.finished(running)) == "begun\n1.16.0 10\n"
    client.call("DELETE", f"/api/runtimes/{id}")


DRAW = """
import sys
preloaded = "numpy" in sys.modules
import numpy
print(preloaded, numpy.random.rand(), numpy.random.randint(2**62), numpy.random.default_rng().random())
"""


def test_numpy_draws_differ_between_forks_of_a_zygote_that_has_loaded_it(client, name):
    """T20: the state of its global generator would be the same in all of them."""
    id = client.ready_runtime(name, packages=WANTED[1:2], minCachedInstances=2, maxCachedInstances=2)

    def draw():
        preloaded, *numbers = stdout(client.evaluate(DRAW, id)).split()
        return preloaded == "True", numbers

    wait_until(lambda: draw()[0], what="scripts find numpy loaded")
    drawn = [numbers for preloaded, numbers in (draw() for _ in range(40)) if preloaded]
    assert len(drawn) > 20
    for column in zip(*drawn):
        assert len(set(column)) == len(drawn), column
    client.call("DELETE", f"/api/runtimes/{id}")


def test_an_incomplete_build_never_replaces_a_complete_one(client, name):
    id = client.ready_runtime(name, packages=WANTED[:1])
    client.call("PATCH", f"/api/runtimes/{id}", json={"name": name, "packages": WANTED[2:]})
    client.runtime_with_status(id, "error", timeout=300)
    evaluation = client.evaluate("import six\nprint(six.__version__)", id)
    assert (evaluation["status"], stdout(evaluation)) == (READY, "1.16.0\n"), evaluation
    client.call("DELETE", f"/api/runtimes/{id}")


def test_runtimes_with_the_same_packages_share_one_environment(own_server):
    client = Client(own_server.url)
    first = client.ready_runtime("first", packages=WANTED[:1])
    environments = sorted(path.name for path in (own_server.data / "environments").iterdir())
    second = client.create_runtime("second", packages=WANTED[:1])
    client.runtime_with_status(second, "ready", timeout=5)
    assert sorted(path.name for path in (own_server.data / "environments").iterdir()) == environments
    where = "import six\nprint(six.__file__)"
    assert stdout(client.evaluate(where, first)) == stdout(client.evaluate(where, second))


def test_an_environment_is_read_only_for_the_scripts(client, name):
    id = client.ready_runtime(name, packages=WANTED[:1])
    evaluation = client.evaluate("import six\nopen(six.__file__, 'a').write('x')", id)
    assert evaluation["status"] == ERROR and "Error" in evaluation["message"]
    assert stdout(client.evaluate("import six, sys\nprint(six.__cached__ and open(six.__cached__, 'rb').read(4) != b'')", id)) == "True\n"
    client.call("DELETE", f"/api/runtimes/{id}")


def test_a_requirement_may_carry_a_range_and_extras(client, name):
    packages = [{"name": "requests[socks]", "version": ">=2.31,<3"}]
    id = client.create_runtime(name, packages=packages)
    runtime = client.runtime_with_status(id, "ready", "error", timeout=300)
    assert runtime["packages"][0]["status"] == "installed", runtime
    evaluation = client.evaluate("import requests, socks\nprint(requests.__version__)", id)
    assert stdout(evaluation).strip() == runtime["packages"][0]["installedVersion"]
    client.call("DELETE", f"/api/runtimes/{id}")
