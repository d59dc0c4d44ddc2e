"""What processes have spent, from /proc: processor seconds and peak memory, with all their children."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Processor seconds that a process and its children have used, those that have ended included."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS + sum(cpu_s(child) for child in _children(pid))


def peak_mib(pid: int) -> float:
    """The most memory that a process ever held, plus the same of its children."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    kib = int(status.partition("VmHWM:")[2].split()[0])
    return kib / 1024 + sum(peak_mib(child) for child in _children(pid))


def machine_cpu_s() -> float:
    """Processor seconds that the whole machine has used, other guests' share of it included."""
    fields = [int(each) for each in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]]
    return (sum(fields[:8]) - fields[3] - fields[4]) / _TICKS


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text(encoding="ascii").split()]
