"""Waiting for a condition, the only way in which these tests wait."""

import time


def wait_until(condition, timeout=60, interval=0.02, what="a condition"):
    """The first true value of `condition()`; when time is up, a failed assertion. `what()` or `what` says what of."""
    end = time.monotonic() + timeout
    while True:
        seen = condition()
        if seen:
            return seen
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what() if callable(what) else what}")
        time.sleep(interval)
