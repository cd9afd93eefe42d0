"""The list of all runtimes, with few and with many of them."""


def lists(records, server, bare, sizes, count):
    """`GET /api/runtimes` in turns with bare starts; the runtimes stay, so this is the last phase."""
    for size in sizes:
        existing = len(server.client.json("GET", "/api/runtimes")["runtimes"])
        made = [server.define(f"listed {number}") for number in range(existing, size)]
        for runtime in made:
            server.wait_until_ready(runtime)
        for _ in range(count):
            records.measure(f"{size} runtimes", bare.name, 1, bare.run)
            records.measure(f"{size} runtimes", "list of runtimes", 1, lambda: server.client.call("GET", "/api/runtimes"))
