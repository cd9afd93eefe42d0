"""One client: evaluations from the start to the end; a server that is busy is asked again when it says so."""

import base64
import json
import time

from bench.http_client import Refused

PATIENCE_SECONDS = 120
FIRST_FINAL = 3
RUNNING = 1


class Broken(Exception):
    """A bound that does not hold."""


class Caller:
    """A connection of its own; for one thread."""

    def __init__(self, server):
        self.client = server.connect()
        self.postponed = 0

    def close(self):
        self.client.close()

    def send(self, method, path, body=None, prefer=None):
        """The document of the answer. 429 is no fault; it tells when to come again."""
        request = self.client.request(method, path, body, prefer)
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                content = self.client.send(request)[1]
                return json.loads(content) if content else {}
            except Refused as refused:
                if refused.status != 429 or time.monotonic() > end:
                    raise
                self.postponed += 1
                time.sleep(float(refused.headers["retry-after"]))

    def start(self, runtime, code, prefer=None):
        """Starts an evaluation; the document as far as it is."""
        body = {"scriptContent": base64.b64encode(code.encode()).decode(), "scriptRuntimeId": runtime}
        return self.send("POST", "/api/scripts/evaluation", body, prefer)

    def look(self, evaluation, prefer):
        return self.send("GET", f"/api/scripts/evaluation/{evaluation}", prefer=prefer)

    def cancel(self, evaluation):
        self.send("DELETE", f"/api/scripts/evaluation/{evaluation}")

    def finished(self, evaluation):
        """The final document."""
        return self.until(evaluation, FIRST_FINAL, "wait=20")

    def begun(self, evaluation):
        """The document as soon as it runs, or later."""
        return self.until(evaluation, RUNNING, "wait=1")

    def until(self, evaluation, status, prefer):
        end = time.monotonic() + PATIENCE_SECONDS
        while (document := self.look(evaluation, prefer))["status"] < status:
            if time.monotonic() > end:
                raise Broken(f"stuck after {PATIENCE_SECONDS} s: {document}")
        return document

    def evaluate(self, runtime, code):
        """From the request to the final document."""
        document = self.start(runtime, code, "wait=60")
        return document if document.get("status", 0) >= FIRST_FINAL else self.finished(document["id"])
