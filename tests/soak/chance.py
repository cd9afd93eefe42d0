"""T20: nothing that is drawn by chance is drawn twice, in whatever instance."""

import threading

from calls import Broken

DRAW = """import os, random, secrets, ssl, tempfile, uuid
print(random.random(), secrets.token_hex(8), uuid.uuid4(), ssl.RAND_bytes(8).hex(), tempfile.mktemp(), os.urandom(8).hex())"""
WORDS = 6


class Chance:
    """Draws from every source in each instance."""

    def __init__(self, server):
        self.runtime = server.define("chance", parked=4)
        self.runtimes = {self.runtime: 4}
        self._seen, self._lock = set(), threading.Lock()

    def run(self, caller, _):
        document = caller.evaluate(self.runtime, DRAW)
        words = set(document.get("results", {}).get("stdout", "").split())
        if document["status"] != 3 or len(words) != WORDS:
            raise Broken(f"nothing was drawn: {document}")
        with self._lock:
            if twice := words & self._seen:
                raise Broken(f"drawn twice: {twice}")
            self._seen |= words
        return "distinct"
