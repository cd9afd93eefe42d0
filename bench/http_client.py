"""The smallest client that keeps its connection, so that little but the server is measured."""

import base64
import http.client
import json


class Client:
    def __init__(self, port, password, token=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        self.headers = {"Content-Type": "application/json", "X-MSTR-AuthToken": token or ""}
        if token is None:
            login = {"loginMode": 1, "username": "administrator", "password": password}
            answer, _ = self.call("POST", "/api/auth/login", login)
            self.headers["X-MSTR-AuthToken"] = answer.headers["X-MSTR-AuthToken"]

    @property
    def token(self):
        return self.headers["X-MSTR-AuthToken"]

    def call(self, method, path, body=None, **headers):
        """The answer and its body; anything but 2xx ends the measurement."""
        self.connection.request(method, path, body and json.dumps(body), {**self.headers, **headers})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status // 100 != 2:
            raise SystemExit(f"error: {method} {path}: {answer.status} {text.decode(errors='replace')}")
        return answer, text

    def json(self, *arguments, **headers):
        return json.loads(self.call(*arguments, **headers)[1])

    def evaluate(self, runtime, code):
        """A complete evaluation, from the request to its output."""
        body = {"scriptContent": base64.b64encode(code.encode()).decode(), "scriptRuntimeId": runtime}
        answer = self.json("POST", "/api/scripts/evaluation", body, Prefer="wait=60")
        if answer.get("status") != 3:
            raise SystemExit(f"error: an evaluation did not end well: {answer}")
        return answer["results"]["stdout"]
