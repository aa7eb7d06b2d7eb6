"""What the figures were measured on, and how much of it was ours."""

import importlib.metadata
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Final

import msgspec

REPOSITORY: Final = Path(__file__).resolve().parents[1]
PACKAGES: Final = (
    *("aiokafka", "faust-streaming", "hiredis", "litestar", "msgspec", "orjson", "pyroaring", "redis"),
    *("rocksdict", "uvicorn", "uvloop"),
)
MIB: Final = 1024 * 1024
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


class Machine(msgspec.Struct, frozen=True):
    """The machine, and the versions of what ran on it; `cores` are those that the measurement may use."""

    cores: int
    processor: str
    memory_mib: int
    kernel: str
    commit: str
    versions: dict[str, str]


def use_cores(count: int) -> None:
    """Keep this process and all that it starts to so many cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def describe(servers: dict[str, str]) -> Machine:
    """Describe this machine; `servers` are the versions of what is not a Python package."""
    memory = _named_line("/proc/meminfo", "MemTotal")
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        processor=_named_line("/proc/cpuinfo", "model name"),
        memory_mib=int(memory.split()[0]) // 1024,
        kernel=platform.release(),
        commit=_commit(),
        versions={
            "python": platform.python_version(),
            **servers,
            **{name: importlib.metadata.version(name) for name in PACKAGES},
        },
    )


def redis_version(command: str) -> str:
    """Ask redis-server for its version."""
    told = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    return told.stdout.partition("v=")[2].split(" ")[0]


class Meter:
    """How much of the processors' time, in cores, this process and its children took, and others took.

    Figures of a machine on which others are busy are worth little, and that must be seen.
    """

    def __init__(self) -> None:
        self._began = time.monotonic(), _ours_s(), _busy_s()

    def cores(self) -> tuple[float, float]:
        """Cores that were busy with ours, and with others' work, since this meter was made."""
        began_s, ours_s, busy_s = self._began
        passed_s = max(1e-3, time.monotonic() - began_s)
        ours = (_ours_s() - ours_s) / passed_s
        return round(ours, 2), round(max(0.0, (_busy_s() - busy_s) / passed_s - ours), 2)


def cpu_s(process_id: int) -> float:
    """Seconds of processor time that a process has used so far, its ended children included."""
    fields = _stat(process_id)
    return sum(map(int, fields[11:15])) / _TICKS_PER_S


def memory_mib(process_id: int, name: str = "VmRSS") -> float:
    """Read a memory figure of a process, in MiB: VmRSS is what it has, VmHWM the most that it had."""
    return int(_named_line(f"/proc/{process_id}/status", name).split()[0]) / 1024


def _ours_s() -> float:
    """Seconds of processor time of this process and all below it, those that have ended included."""
    parents = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int(_stat(int(entry.name))[1])
            except OSError:
                continue
    ours = {os.getpid()}
    while more := {child for child, parent in parents.items() if parent in ours} - ours:
        ours |= more
    total_s = 0.0
    for process_id in ours:
        try:
            total_s += cpu_s(process_id)
        except OSError:
            continue
    return total_s


def _busy_s() -> float:
    """Seconds that all processors were busy so far, whoever with."""
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    user, nice, system, _, _, irq, soft_irq, steal = map(int, fields[1:9])
    return (user + nice + system + irq + soft_irq + steal) / _TICKS_PER_S


def _stat(process_id: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the state on (the third of proc(5))."""
    return Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


def _named_line(file: str, name: str) -> str:
    for line in Path(file).read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    raise LookupError(f"{file} has no {name}")


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    commit = git("rev-parse", "--short=12", "HEAD")
    if not commit:
        return "unknown"
    changed = git("status", "--porcelain", "--untracked-files=no")
    return f"{commit} with changes" if changed else commit
