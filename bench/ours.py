"""The server as a contestant: warm, cold and fresh."""

from collections import Counter

SCRIPT, OUTPUT = "print(1)", "1\n"


class Ours:
    """Evaluations over HTTP in one runtime, on connections that are kept."""

    every = 1
    serial = False
    peer = False

    def __init__(self, server, name, title, parked, **fields):
        self.answers = Counter()
        self.server, self.name, self.title, self.parked = server, name, title, parked
        self.runtime = server.define(name, parked, **fields)
        server.wait_until_ready(self.runtime)
        self.evaluation = server.client.evaluation(self.runtime, SCRIPT)
        self.fields = fields

    def reason(self):
        """A server that does not know a field ignores it."""
        document = self.server.runtime(self.runtime)
        ignored = [name for name, value in self.fields.items() if document.get(name) != value]
        return f"this server ignores {', '.join(ignored)}" if ignored else None

    def prepare(self, clients):
        self.server.wait_until_parked(self.runtime, self.parked)

    def run(self, client):
        self.answers[client.evaluate(self.evaluation, OUTPUT)["usage"]["warm"]] += 1

    def warm_share(self):
        """How many found a parked instance, of all since the last call."""
        counted, self.answers = self.answers, Counter()
        return counted[True] / counted.total()


def ours(server, parked):
    return [
        Ours(server, "warm", "ours, warm", parked),
        Ours(server, "cold", "ours, cold (nothing parked)", 0),
        Ours(server, "fresh", "ours, warm in fresh mode", parked, instanceMode="fresh"),
    ]
