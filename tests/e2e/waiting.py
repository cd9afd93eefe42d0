"""Waiting for a condition, the only way in which these tests wait."""

import time


def wait_until(condition, timeout=60, interval=0.02, what=None):
    """The first true value of `condition()`; a failed assertion that says what was last seen when time is up."""
    end = time.monotonic() + timeout
    while True:
        seen = condition()
        if seen:
            return seen
        assert time.monotonic() < end, f"not within {timeout} s: {what or condition.__name__} (last seen: {seen!r})"
        time.sleep(interval)
