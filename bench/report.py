"""Tables in Markdown, and their place in the documentation."""

import os
import platform
import subprocess
import time
from pathlib import Path

from bench.figures import judge, median, percentile, significant
from bench.records import BARE

BEGIN, END = "<!-- bench: begin -->\n", "<!-- bench: end -->\n"


def replace_between_markers(text, table):
    if BEGIN not in text or END not in text:
        raise ValueError("the markers are missing")
    return text.split(BEGIN)[0] + BEGIN + table + "\n" + END + text.split(END, 1)[1]


def latency_table(records):
    titles = records.titles
    lines = ["| what | clients | p50 | p90 | p99 | p50 as a ratio to the bare start | measured |", "|---|---|---|---|---|---|---|"]
    for (phase, name, clients), values in records.times.items():
        numbers = " | ".join(f"{percentile(values, percent):.2f} ms" for percent in (50, 90, 99))
        place = "" if phase.endswith("clients") else f" ({phase})"
        title = "bare `python -c 'import pandas'`" if (phase, name) == ("pandas", BARE) else titles.get(name, name)
        ratio = significant(records.ratio(phase, name, clients))
        lines.append(f"| {title}{place} | {clients} | {numbers} | {ratio} | {len(values)} |")
    lines += [f"| {titles.get(name, name)} | not measured: {reason} | | | | | |" for name, reason in records.missing.items()]
    return lines


def bars(records):
    """The table of what must be shown: name, measured (or none), bar, aim, smaller is better."""
    one, largest = "1 clients", max((int(name.split()[0]) for name in records.values if "fill" in name), default=None)
    warm, values = records.times[one, "warm", 1], records.values
    per_instance = values.get(f"{largest} parked: private bytes of an instance")
    ready = records.times.get(("wheels", "definition to ready", 1))
    pandas = ("pandas", "warm", 1) in records.times
    yield "warm p50, ratio", records.ratio(one, "warm", 1), 0.25, 0.12, True
    yield "warm p99 to its p50", percentile(warm, 99) / median(warm), 4, 2, True
    yield "cold p50, ratio", records.ratio(one, "cold", 1), 0.8, 0.5, True
    yield "evaluations a second, 8 clients", values.get("per second, 8 clients: warm"), 300, 600, False
    yield "private MB of a parked instance", per_instance and per_instance / 1e6, 1.5, 0.8, True
    yield "parked at once", largest, 500, 2000, False
    yield "5 cached wheels, definition to ready, seconds", ready and median(ready) / 1000, 1, 0.15, True
    yield "pandas script, ratio to the import", records.ratio("pandas", "warm", 1) if pandas else None, 0.05, 0.05, True


def bar_table(records):
    lines = ["| what | bar | aim | measured | |", "|---|---|---|---|---|"]
    for name, measured, bar, aim, smaller in bars(records):
        text = "not measured" if measured is None else significant(measured)
        lines.append(f"| {name} | {bar} | {aim} | {text} | {'' if measured is None else judge(measured, bar, aim, smaller)} |")
    return lines


def output(*command):
    """The first line that a command prints; empty where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, cwd=Path(__file__).parent)
    except OSError:
        return ""
    return done.stdout.splitlines()[0].strip() if done.stdout else ""


def processor():
    text = Path("/proc/cpuinfo").read_text()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def cgroup_version():
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return "2"
    return "1 and 2 (hybrid)" if Path("/sys/fs/cgroup/unified").exists() else "1"


def facts(python):
    parts = [
        time.strftime("%Y-%m-%d"), f"commit {output('git', 'describe', '--always', '--dirty') or 'unknown'}", processor(),
        f"{os.cpu_count()} cores", f"Linux {platform.release()}", f"cgroup version {cgroup_version()}",
        output(python, "--version"),
    ]
    return ", ".join(parts) + "."


def report(records):
    values = ["| value | |", "|---|---|", *(f"| {name} | {significant(number, 3)} |" for name, number in records.values.items())]
    return "\n".join([facts(records.python), "", *bar_table(records), "", *latency_table(records), "", *values])
