"""Connections of the real client: every way in, and the way out."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from mstrio.connection import Connection, get_connection
from mstrio.helpers import IServerError

from server import PASSWORD

ADMINISTRATOR = "54F3D26011D2896560009A8E67019608"


def test_password(connect):
    connection = connect()
    assert connection.status()
    assert connection.user_id == ADMINISTRATOR
    assert connection.user_full_name
    assert connection.user_initials
    assert connection.iserver_version.startswith("11.6.")


def test_password_with_a_base_url_that_ends_in_api(server, connect):
    assert connect(base_url=f"{server.library}/api").status()
    assert connect(base_url=server.url).status()


def test_wrong_password(server):
    with pytest.raises(IServerError, match="ERR003") as raised:
        Connection(server.library, "administrator", "wrong")
    assert raised.value.http_code == 401


def test_many_right_passwords_at_once(server):
    with ThreadPoolExecutor(16) as pool:
        connections = list(pool.map(lambda _: Connection(server.library, "administrator", PASSWORD), range(32)))
    assert len({connection.token for connection in connections}) == 32
    for connection in connections:
        connection.close()


def test_unknown_user_is_told_the_same(server):
    with pytest.raises(IServerError, match="ERR003") as raised:
        Connection(server.library, "nobody at all", "wrong")
    assert raised.value.http_code == 401


def test_directory_logins_are_refused_with_a_reason(server):
    with pytest.raises(IServerError) as raised:
        Connection(server.library, "administrator", PASSWORD, login_mode=16)
    assert 400 <= raised.value.http_code < 500 and "login mode 1" in str(raised.value)


def test_api_token(connect):
    token = connect().get_api_token()
    assert connect(api_token=token).user_id == ADMINISTRATOR
    with pytest.raises(IServerError, match="ERR003"):
        connect(api_token=token[::-1])


def test_identity_token(connect):
    first = connect()
    token = first.get_identity_token()
    second = connect(identity_token=token)
    assert second.user_id == ADMINISTRATOR
    assert second.validate_identity_token()
    assert second.token != first.token


def test_delegated_connection_as_a_script_makes_it(server, connect, monkeypatch):
    headers = {"X-MSTR-AuthToken": connect().token}
    data = {"defaultEnvironment": {"url": f"{server.library}/", "name": "env", "headers": headers, "cookies": []}}
    monkeypatch.setattr(Connection, "is_run_in_our_app", classmethod(lambda _: True))
    delegated = get_connection(data, project_name="Vivarium")
    assert delegated.user_id == ADMINISTRATOR
    assert delegated.project_name == "Vivarium"


def test_projects(connect):
    connection = connect(project_name="Vivarium")
    assert connection.project_name == "Vivarium"
    selected = connection.project_id
    connection.select_project()
    assert connection.project_id is None
    connection.select_project("Vivarium")
    assert connection.project_id == selected
    assert connect(project_id=selected).project_name == "Vivarium"
    with pytest.raises(ValueError, match="no such project"):
        connection.select_project(project_name="no such project")


def test_renewed_session_goes_on(connect):
    connection = connect()
    token = connection.token
    connection.renew()
    assert connection.token == token and connection.status()


def test_lost_session_is_opened_again_on_renewal(connect):
    connection = connect()
    lost = connection.token
    connection.post(endpoint="/api/auth/logout")
    connection.renew()
    assert connection.token != lost and connection.status()


def test_closed_connection(server):
    with Connection(server.library, "administrator", PASSWORD) as connection:
        token = connection.token
    assert connection.token is None
    other = Connection(server.library, "administrator", PASSWORD)
    try:
        answer = other.get(endpoint="/api/sessions", headers={"X-MSTR-AuthToken": token})
        assert (answer.status_code, answer.json()["code"]) == (401, "ERR009")
    finally:
        other.close()


def test_closing_twice_is_tolerated(server):
    connection = Connection(server.library, "administrator", PASSWORD)
    connection.post(endpoint="/api/auth/logout")
    connection.close()
