"""Runtimes through the real client."""

import pytest
from mstrio.helpers import IServerError
from mstrio.python_execution.runtime import Runtime, RuntimePackage, RuntimeResource, get_runtime_versions, list_runtimes
from mstrio.python_execution.script import Code, ExecutionStatus

from client import DEFAULT_RUNTIME


@pytest.fixture
def runtime(connection, name):
    runtime = Runtime.create(
        connection, name, description="for tests", whitelist=["10.20.0.0/16", "2001:db8::/32", "192.0.2.7"],
        resource=RuntimeResource(cpu="0.5", mem=256, disk=64, proc_count=10), exec_timeout=30,
        min_cached_instances=0, max_cached_instances=2, others="kept as it is", execution_target="anywhere",
        journal_comment="made by a test",
    )
    yield runtime
    if runtime.id in [found["id"] for found in list_runtimes(connection, to_dictionary=True)]:
        runtime.delete(force=True)


def test_created_runtime_is_what_was_asked_for(runtime, connection, name):
    found = Runtime(connection, id=runtime.id)
    assert (found.name, found.description) == (name, "for tests")
    assert found.whitelist == ["10.20.0.0/16", "2001:db8::/32", "192.0.2.7/32"]
    assert found.resource == RuntimeResource(cpu="0.5", mem=256, disk=64, proc_count=10)
    assert (found.exec_timeout, found.min_cached_instances, found.max_cached_instances) == (30, 0, 2)
    assert (found.others, found.execution_target) == ("kept as it is", "anywhere")
    assert found.runtime_version in get_runtime_versions(connection)
    assert found.status in ("unknown", "busy", "ready")


def test_found_by_name(runtime, connection, name):
    assert Runtime(connection, name=name).id == runtime.id
    with pytest.raises(ValueError, match="Found 0 hits"):
        Runtime(connection, name="no such runtime")


def test_smallest_definition(connection, name):
    runtime = Runtime.create(connection, name)
    assert runtime.exec_timeout == 600
    assert runtime.packages == [] and runtime.description == ""
    runtime.delete(force=True)


def test_list_and_filters(runtime, connection, name):
    everything = list_runtimes(connection)
    assert {runtime.id, DEFAULT_RUNTIME} <= {found.id for found in everything}
    assert [found.id for found in list_runtimes(connection, name=name)] == [runtime.id]
    assert [found["id"] for found in list_runtimes(connection, to_dictionary=True, id=runtime.id)] == [runtime.id]
    assert runtime.id in [found.id for found in list_runtimes(connection, description="for tests")]
    assert len(list_runtimes(connection, limit=1)) == 1


def test_every_element_of_the_list_has_the_same_keys(runtime, connection):
    keys = [set(found) for found in list_runtimes(connection, to_dictionary=True)]
    assert all(found == keys[0] for found in keys)


def test_alter_changes_what_was_named_and_nothing_else(runtime, connection, name):
    before = connection.get(endpoint=f"/api/runtimes/{runtime.id}").json()
    runtime.alter(name=f"{name} altered", description="ä ö ü", exec_timeout=40, max_cached_instances=3)
    after = connection.get(endpoint=f"/api/runtimes/{runtime.id}").json()
    changed = {key for key in after if after[key] != before[key]} - {"status", "dateModified"}
    assert changed == {"name", "description", "execTimeout", "maxCachedInstances", "version"}
    assert (after["name"], after["description"], after["execTimeout"]) == (f"{name} altered", "ä ö ü", 40)


def test_a_save_that_changes_nothing_keeps_the_version(runtime, connection):
    before = connection.get(endpoint=f"/api/runtimes/{runtime.id}").json()["version"]
    runtime.alter(description="for tests")
    assert connection.get(endpoint=f"/api/runtimes/{runtime.id}").json()["version"] == before


def test_delete(runtime, connection):
    assert runtime.delete(force=True, journal_comment="no longer needed")
    with pytest.raises(IServerError, match="ERR004") as raised:
        Runtime(connection, id=runtime.id)
    assert raised.value.http_code == 404


def test_versions_are_full_and_newest_first(connection):
    versions = get_runtime_versions(connection)
    numbers = [tuple(map(int, version.split("."))) for version in versions]
    assert numbers and all(len(number) == 3 for number in numbers)
    assert numbers == sorted(numbers, reverse=True)


def test_short_version_means_its_newest_patch(connection, name):
    newest = get_runtime_versions(connection)[0]
    runtime = Runtime.create(connection, name, runtime_version=newest.rpartition(".")[0])
    code = Code(connection, "import platform\nprint(platform.python_version())")
    assert code.execute(runtime_id=runtime.id) == ExecutionStatus.READY
    assert code.stdout == newest
    runtime.delete(force=True)


def test_names_are_unique_whatever_their_case(runtime, connection, name):
    with pytest.raises(IServerError, match="ERR015") as raised:
        Runtime.create(connection, name.upper())
    assert raised.value.http_code == 409


def test_the_default_runtime_stays(connection):
    with pytest.raises(IServerError) as raised:
        Runtime(connection, id=DEFAULT_RUNTIME).delete(force=True)
    assert raised.value.http_code == 409


@pytest.mark.parametrize("definition, field", [
    ({"whitelist": ["10.20.1.0/8"]}, "whitelist"),
    ({"whitelist": ["example.org"]}, "whitelist"),
    ({"packages": [RuntimePackage("not a name")]}, "packages"),
    ({"packages": [RuntimePackage("six", "one.two")]}, "packages"),
    ({"runtime_version": "2.6.1"}, "runtimeVersion"),
    ({"exec_timeout": 0}, "execTimeout"),
    ({"exec_timeout": 86401}, "execTimeout"),
    ({"resource": RuntimeResource(cpu="0")}, "resource.cpu"),
    ({"resource": RuntimeResource(mem=31)}, "resource.mem"),
    ({"max_cached_instances": -1}, "maxCachedInstances"),
])
def test_bad_definitions_name_the_field(connection, name, definition, field):
    with pytest.raises(IServerError, match=field) as raised:
        Runtime.create(connection, name, **definition)
    assert raised.value.http_code == 400 and "ERR006" in str(raised.value)
    assert list_runtimes(connection, name=name) == []


def test_every_bad_field_is_named_at_once(connection, name):
    with pytest.raises(IServerError) as raised:
        Runtime.create(connection, name, whitelist=["nowhere"], exec_timeout=0, runtime_version="1.0")
    assert all(field in str(raised.value) for field in ("whitelist", "execTimeout", "runtimeVersion"))
