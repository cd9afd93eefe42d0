"""OCI runtimes around the bare interpreter: a bundle whose root is made of read-only binds of the host's."""

import itertools
import json
from pathlib import Path

from bench.peers.commands import Command

LIMITS = {"memory": {"limit": 256 << 20}, "cpu": {"quota": 100_000, "period": 100_000}, "pids": {"limit": 64}}
NAMESPACES = ("pid", "network", "ipc", "uts", "mount", "cgroup")


def bundle(directory, python, limits):
    """Makes `config.json` and the root directory."""
    root = directory / "root"
    (root / "dev").mkdir(parents=True)
    sources = {"/usr", str(Path(python).resolve().parent.parent)}
    for name in ("/bin", "/lib", "/lib64"):
        if Path(name).is_symlink():
            (root / name[1:]).symlink_to(Path(name).readlink())
        elif Path(name).exists():
            sources.add(name)
    mounts = [{"destination": one, "type": "bind", "source": one, "options": ["rbind", "ro"]} for one in sorted(sources)]
    mounts.append({"destination": "/proc", "type": "proc", "source": "proc"})
    # Its own for each container: several run on one root at once.
    mounts.append({"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]})
    process = {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": [python, "-I", "-S", "-c", "print(1)"], "noNewPrivileges": True}
    linux = {"namespaces": [{"type": kind} for kind in NAMESPACES], "resources": LIMITS if limits else {}}
    document = {"ociVersion": "1.0.0", "process": process, "root": {"path": "root", "readonly": False}, "mounts": mounts, "linux": linux}
    (directory / "config.json").write_text(json.dumps(document))


class Container(Command):
    """One container for each run."""

    def __init__(self, name, title, command, directory):
        super().__init__(name, title, command)
        self.directory, self.numbers = directory, itertools.count()

    def line(self):
        one, state = f"vivarium-bench-{next(self.numbers)}", str(self.directory / f"{self.command[0]}-state")
        return [*self.command, "--root", state, "run", "--bundle", str(self.directory), one]


class Slow(Container):
    """Takes part in every tenth round only."""

    every = 10
    serial = True


def containers(python, directory):
    plain, limited = Path(directory) / "bundle", Path(directory) / "limited-bundle"
    bundle(plain, python, limits=False)
    bundle(limited, python, limits=True)
    return [
        Container("crun", "`crun` without cgroups around it", ["crun", "--cgroup-manager", "disabled"], plain),
        Container("crun limits", "`crun` with cgroup limits around it", ["crun", "--cgroup-manager", "cgroupfs"], limited),
        Slow("runsc", "`runsc` (gVisor, ptrace) around it", ["runsc", "--platform", "ptrace", "--network", "none", "--ignore-cgroups"], plain),
    ]
