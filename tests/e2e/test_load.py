"""Many evaluations at once: every result right, none lost or mixed up, nothing left behind."""

import json
from concurrent.futures import ThreadPoolExecutor

from client import DEFAULT_RUNTIME, ERROR, READY, Client, stdout
from host import holdings
from waiting import wait_until

CLIENTS, EVALUATIONS = 16, 2000
GOOD = "import sys\nprint('out', $n)\nprint('err', $n, file=sys.stderr)\ndef get_results():\n    return [$n, $text]"
BAD = "print('out', $n)\nraise ValueError($text)"


def check(number, evaluation):
    """Every fifth evaluation fails, on purpose."""
    text = f"it's {number}"
    assert stdout(evaluation) == f"out {number}\n", (number, evaluation)
    if number % 5:
        assert evaluation["status"] == READY, (number, evaluation)
        assert json.loads(evaluation["results"]["output"]) == [number, text]
        assert evaluation["results"]["stderr"] == f"err {number}\n"
    else:
        assert evaluation["status"] == ERROR, (number, evaluation)
        assert f"ValueError: {text}" in evaluation["message"]


def work(client, runtime, numbers):
    for number in numbers:
        variables = [{"name": "n", "type": 2, "value": str(number)}, {"name": "text", "type": 1, "value": f"it's {number}"}]
        check(number, client.evaluate(GOOD if number % 5 else BAD, runtime, variables=variables))
    return len(numbers)


def test_two_thousand_evaluations(own_server):
    client = Client(own_server.url)
    runtime = client.ready_runtime("load", maxCachedInstances=0, resource={"mem": 128, "cpu": "1"})
    client.runtime_with_status(DEFAULT_RUNTIME, "ready")
    client.evaluate("print('warm')", runtime)
    before = wait_until(lambda: holdings(own_server), what="a count")
    clients = [Client(own_server.url) for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        jobs = [pool.submit(work, other, runtime, range(first, EVALUATIONS, CLIENTS)) for first, other in enumerate(clients)]
        assert sum(job.result() for job in jobs) == EVALUATIONS

    def nothing_more():
        now = holdings(own_server)
        return now if all(now[what] <= before[what] for what in before) else None

    try:
        wait_until(nothing_more, timeout=30)
    except AssertionError:
        now = holdings(own_server)
        raise AssertionError({what: (before[what], now[what]) for what in before if now[what] > before[what]}) from None
