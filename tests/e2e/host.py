"""What a server holds of its host: processes, namespaces, mounts, cgroups, descriptors, temporary files."""

import os
from pathlib import Path


def children(pid):
    """Every living descendant of a process, as {pid: start time}."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(entry.name)):
            parents[int(entry.name)] = (int(fields[1]), fields[0], int(fields[19]))
    found, new = {}, {pid}
    while new:
        new = {child for child, (parent, state, _) in parents.items() if parent in new and child not in found and state != "Z"}
        found.update({child: parents[child][2] for child in new})
    return found


def alive(processes):
    """Those of `{pid: start time}` that still run."""
    return {pid for pid, start in processes.items() if (fields := _stat(pid)) and int(fields[19]) == start and fields[0] != "Z"}


def _stat(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _namespaces(pids):
    links = set()
    for pid in pids:
        try:
            links |= {os.readlink(link) for link in Path(f"/proc/{pid}/ns").iterdir()}
        except OSError:
            pass
    return links


def cgroups(server):
    """Those that carry the id of the server's node."""
    node = (server.data / "node-id").read_text().strip().lower()
    return {directory for directory, _, _ in os.walk("/sys/fs/cgroup") if node in directory}


def _files(top):
    """Everything below a directory but the database's own files, which come and go as it likes."""
    return {str(path) for path in Path(top).rglob("*") if ".db" not in path.name and ".sqlite" not in path.name}


def holdings(server):
    """A count of each, comparable before and after some work."""
    pid = server.process.pid
    pids = children(pid)
    return {
        "processes": len(pids),
        "namespaces": len(_namespaces([pid, *pids])),
        "mounts": len(Path(f"/proc/{pid}/mounts").read_text().splitlines()),
        "host mounts": len(Path("/proc/mounts").read_text().splitlines()),
        "cgroups": len(cgroups(server)),
        "temporary files": len([name for name in os.listdir("/tmp") if "vivarium" in name]),
        "data files": len(_files(server.data)),
    }
