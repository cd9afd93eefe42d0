"""Statistics over raw measurements; pure functions."""

import statistics


def percentile(values, percent):
    """The nearest value at this rank; no value between two measurements is made up."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]


def median(values):
    return statistics.median(values)


def significant(number, digits=2):
    """A text with so many significant digits, without an exponent."""
    if number == 0:
        return "0"
    magnitude = len(str(int(abs(number)))) if abs(number) >= 1 else 0
    if magnitude:
        return f"{number:.{max(0, digits - magnitude)}f}"
    return f"{number:.3f}" if abs(number) < 0.1 else f"{number:.2f}"


def judge(measured, bar, aim, smaller_is_better):
    """How a measured number stands to a bar and an aim."""
    def reaches(limit):
        return measured <= limit if smaller_is_better else measured >= limit

    return "aim met" if reaches(aim) else "bar met" if reaches(bar) else "not met"
