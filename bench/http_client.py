"""The smallest client that keeps its connection, so that little but the server is measured."""

import base64
import json
import socket
import time

LONGEST_ANSWER_SECONDS = 120
# The server closes connections that nobody uses; before it may have, a new one is made.
IDLE_SECONDS = 10


class Refused(Exception):
    """An answer that is not 2xx."""

    def __init__(self, message, status, headers):
        super().__init__(message)
        self.status, self.headers = status, headers


class Wrong(Exception):
    """An evaluation that did not end well, or not with the expected output."""


class Client:
    """One persistent connection to a server on the loopback interface."""

    def __init__(self, port, token=None):
        self.port, self.token = port, token or ""
        self._connect()

    def _connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=LONGEST_ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")
        self.used = time.monotonic()

    @classmethod
    def logged_in(cls, port, password):
        client = cls(port)
        login = {"loginMode": 1, "username": "administrator", "password": password}
        headers, _ = client.call("POST", "/api/auth/login", login)
        client.token = headers["x-mstr-authtoken"]
        return client

    def close(self):
        self.reader.close()
        self.socket.close()

    def request(self, method, path, body=None, prefer=None):
        """The bytes of a request; made ahead where the making shall not be measured."""
        content = json.dumps(body).encode() if body is not None else b""
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(content)}"]
        lines += ["Content-Type: application/json"] if content else []
        lines += [f"X-MSTR-AuthToken: {self.token}"] if self.token else []
        lines += [f"Prefer: {prefer}"] if prefer else []
        return "\r\n".join([*lines, "", ""]).encode() + content

    def send(self, request):
        """The headers and the body of the answer; anything but 2xx is `Refused`."""
        if time.monotonic() > self.used + IDLE_SECONDS:
            self.close()
            self._connect()
        self.socket.sendall(request)
        if not (first := self.reader.readline()):
            raise ConnectionError("the server closed the connection")
        status = int(first.split(b" ", 2)[1])
        headers = {}
        while (line := self.reader.readline().rstrip()):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = self.reader.read(int(headers.get("content-length", 0)))
        self.used = time.monotonic()
        if status // 100 != 2:
            message = f"{request.split(b' HTTP', 1)[0].decode()}: {status} {body.decode(errors='replace')}"
            raise Refused(message, status, headers)
        return headers, body

    def call(self, method, path, body=None):
        return self.send(self.request(method, path, body))

    def json(self, method, path, body=None):
        return json.loads(self.call(method, path, body)[1])

    def evaluation(self, runtime, code):
        """The request of a complete evaluation, for `evaluate`."""
        body = {"scriptContent": base64.b64encode(code.encode()).decode(), "scriptRuntimeId": runtime}
        return self.request("POST", "/api/scripts/evaluation", body, prefer="wait=60")

    def evaluate_warm(self, evaluation, expected):
        """As `evaluate`, of an evaluation for which an instance is known to be parked."""
        document = self.evaluate(evaluation, expected)
        if not document["usage"]["warm"]:
            raise Wrong(f"an evaluation found no parked instance: {document}")

    def evaluate(self, evaluation, expected=None):
        """From the request to the complete output, which is checked; the document of the answer."""
        document = json.loads(self.send(evaluation)[1])
        wanted = expected is None or document.get("results", {}).get("stdout") == expected
        if document.get("status") != 3 or not wanted:
            raise Wrong(f"an evaluation did not end well: {document}")
        return document
