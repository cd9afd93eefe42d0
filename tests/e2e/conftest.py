"""Fixtures: servers, sessions, databases, a package index."""

import itertools
import os
import subprocess
import sys
import uuid
from urllib.parse import unquote, urlsplit

import pg8000.native
import pytest
from mstrio import config as mstrio_config
from mstrio.connection import Connection

from client import Client
from server import BINARY, PASSWORD, Server

mstrio_config.delay_between_polling = 0.05
mstrio_config.verbose = False


def pytest_report_header():
    return f"server under test: {BINARY}"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The server that tests share which leave it as it was; everything is as a newcomer finds it."""
    with Server(tmp_path_factory.mktemp("server"), configuration="") as server:
        yield server


@pytest.fixture
def own_server(tmp_path):
    """A server of the test's own, already running; a test may stop, kill and start it."""
    with Server(tmp_path) as server:
        yield server


@pytest.fixture
def client(server):
    return Client(server.url)


_numbers = itertools.count(1)


@pytest.fixture
def name(request):
    """A runtime name that no other test uses."""
    return f"{request.node.originalname} {next(_numbers)}"


@pytest.fixture(scope="module")
def plain(server, request):
    """The id of a ready runtime without packages."""
    client = Client(server.url)
    id = client.ready_runtime(f"plain {request.module.__name__}", maxCachedInstances=2)
    yield id
    client.call("DELETE", f"/api/runtimes/{id}")


@pytest.fixture
def connect(server):
    """Connects with the real client: `connect(username=..., ...)`; everything is closed afterwards."""
    connections = []

    def open(**arguments):
        if not {"username", "api_token", "identity_token"} & set(arguments):
            arguments |= {"username": "administrator", "password": PASSWORD}
        arguments.setdefault("base_url", server.library)
        connections.append(Connection(**arguments))
        return connections[-1]

    yield open
    for connection in connections:
        if connection.token:
            connection.close()


@pytest.fixture
def connection(connect):
    return connect()


@pytest.fixture(scope="session")
def package_index(tmp_path_factory):
    """Skips where no package index can be reached."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-cache-dir", "six==1.16.0"]
    try:
        done = subprocess.run(
            command, cwd=tmp_path_factory.mktemp("index"), capture_output=True, text=True, timeout=90, check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("no package index answers in time: nothing about packages was tested")
    if done.returncode:
        pytest.skip(f"no package index can be reached: nothing about packages was tested ({done.stderr.strip()[-200:]})")


@pytest.fixture
def postgresql():
    """The URL of an empty database of its own."""
    url = os.environ.get("VIVARIUM_TEST_POSTGRES_URL")
    if not url:
        pytest.skip("VIVARIUM_TEST_POSTGRES_URL is not set: nothing on PostgreSQL was tested")
    parts = urlsplit(url)
    database = f"vivarium_{uuid.uuid4().hex}"
    login = {"user": unquote(parts.username), "password": unquote(parts.password or ""), "host": parts.hostname,
             "port": parts.port or 5432, "database": parts.path.lstrip("/") or "postgres"}
    with pg8000.native.Connection(**login) as administrator:
        administrator.run(f"CREATE DATABASE {database}")
        yield parts._replace(path=f"/{database}").geturl()
        administrator.run(f"DROP DATABASE {database} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    """Each kind of database: None for SQLite in the data directory, or a URL."""
    return request.getfixturevalue("postgresql") if request.param == "postgresql" else None
