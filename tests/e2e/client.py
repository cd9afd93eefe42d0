"""A thin client of the Strategy dialect; tests that need exact bytes use `requests` through `call`."""

import base64
import json

import requests

from server import PASSWORD
from waiting import wait_until

DEFAULT_RUNTIME = "0F35652CA7D041978BF0CBCB67531203"
INITIATED, RUNNING, READY, ERROR, EXPIRED, CANCELLED = 0, 1, 3, 4, 5, 6


class Client:
    """One logged-in session."""

    def __init__(self, url, name="administrator", password=PASSWORD):
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        answer = self.call("POST", "/api/auth/login", json={"loginMode": 1, "username": name, "password": password})
        self.token = answer.headers["X-MSTR-AuthToken"]
        self.session.headers["X-MSTR-AuthToken"] = self.token

    def call(self, method, path, expect=None, **options):
        """A request to the Strategy dialect; fails unless the status is 2xx, or exactly `expect`."""
        options.setdefault("timeout", 120)
        answer = self.session.request(method, f"{self.url}/MicroStrategyLibrary{path}", **options)
        good = answer.ok if expect is None else answer.status_code == expect
        assert good, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def metrics(self):
        """The lines of `/metrics`."""
        answer = self.session.get(f"{self.url}/metrics", timeout=120)
        assert answer.status_code == 200, answer.text
        return answer.text.splitlines()

    def create_runtime(self, name, **definition):
        """The id of a new runtime."""
        body = {"name": name, "execTimeout": 60, **definition}
        return self.call("POST", "/api/runtimes", expect=201, json=body).json()["id"]

    def runtime(self, id):
        return self.call("GET", f"/api/runtimes/{id}").json()

    def runtimes(self):
        return self.call("GET", "/api/runtimes").json()["runtimes"]

    def runtime_with_status(self, id, *statuses, timeout=180):
        """The runtime as soon as it has one of the statuses."""
        last = {}

        def reached():
            last.update(self.runtime(id))
            return last["status"] in statuses

        wait_until(reached, timeout, 0.1, what=lambda: f"runtime status {statuses}, now {last}")
        return last

    def ready_runtime(self, name, **definition):
        """The id of a new runtime that is ready."""
        id = self.create_runtime(name, **definition)
        self.runtime_with_status(id, "ready")
        return id

    def start(self, code, runtime=None, wait=None, expect=None, **body):
        """The answer to the start of an evaluation."""
        body["scriptContent"] = base64.b64encode(code.encode()).decode()
        if runtime:
            body["scriptRuntimeId"] = runtime
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        return self.call("POST", "/api/scripts/evaluation", expect=expect, json=body, headers=headers).json()

    def evaluation(self, id, wait=None):
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        return self.call("GET", f"/api/scripts/evaluation/{id}", headers=headers).json()

    def finished(self, id, timeout=120):
        """The evaluation as soon as it has ended."""
        return wait_until(lambda: (found := self.evaluation(id, wait=5))["status"] > 2 and found, timeout, what="its end")

    def evaluate(self, code, runtime=None, timeout=120, **body):
        """The finished evaluation of some code."""
        answer = self.start(code, runtime, wait=20, **body)
        return answer if answer.get("status", 0) > 2 else self.finished(answer["id"], timeout)

    def events(self, id, after=None):
        """Yields server-sent events as (id, event, data) until the stream ends."""
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": after} if after else {})}
        with self.call("GET", f"/api/scripts/evaluation/{id}/events", headers=headers, stream=True) as answer:
            if answer.status_code == 204:
                return
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            event = {}
            for line in answer.iter_lines(chunk_size=1):
                field, _, value = line.decode().partition(":")
                if line and field:
                    event[field] = value.removeprefix(" ")
                elif event:
                    yield event["id"], event["event"], json.loads(event["data"])
                    event = {}

    def wait_for_output(self, id, text):
        """Returns as soon as a running evaluation has written `text`; only the stream shows that before its end."""
        seen = ""
        for _, event, data in self.events(id):
            seen += data if event == "stdout" else ""
            if text in seen:
                return
        raise AssertionError(f"{text!r} was never written: {self.evaluation(id)}")


def stdout(evaluation):
    return evaluation["results"]["stdout"]
