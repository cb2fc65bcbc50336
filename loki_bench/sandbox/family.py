"""What a process and all that it started hold: how many they are, and how much memory."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MOST_PROCESSES", "Held", "held_by", "size_of"]

MOST_PROCESSES = 256
"""Counting stops above it: what started so many is ended anyway."""
MOST_FILES = 20_000


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a family of processes holds.

    Attributes
    ----------
    n_processes : int
    now_bytes : int
        Resident memory of all of them together. Pages that a process shares with a copy of
        itself count in both.
    peak_bytes : int
        The most that any one of them has held so far (elsewhere than on Linux: holds now).
    """

    n_processes: int
    now_bytes: int
    peak_bytes: int


def held_by(root: int, *, without: int) -> Held:
    """What the processes below ``root`` hold.

    Parameters
    ----------
    root : int
        Its process id.
    without : int
        So many processes at the top, ``root`` the first, run no foreign code and do not count.
    """
    sizes = _on_linux(root) if sys.platform == "linux" else _elsewhere(root)
    counted = sizes[without:]
    return Held(
        n_processes=len(counted),
        now_bytes=sum(now for now, _ in counted),
        peak_bytes=max((peak for _, peak in counted), default=0),
    )


def size_of(folder: Path) -> tuple[int, int]:
    """How many files lie below a folder, and the bytes that they take; counting stops at many."""
    n_files = n_bytes = 0
    left = [folder]
    while left and n_files <= MOST_FILES:
        try:
            children = list(left.pop().iterdir())
        except OSError:  # it has just gone
            continue
        for child in children:
            try:
                found = child.lstat()
            except OSError:
                continue
            n_files += 1
            n_bytes += found.st_blocks * 512
            if child.is_dir() and not child.is_symlink():
                left.append(child)
    return n_files, n_bytes


def _on_linux(root: int) -> list[tuple[int, int]]:
    """Memory now and at most of each process, from the top down."""
    found: list[tuple[int, int]] = []
    left = [root]
    while left and len(found) <= 2 * MOST_PROCESSES:
        pid = left.pop(0)
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            for task in Path(f"/proc/{pid}/task").iterdir():  # any thread may have started it
                left += [int(child) for child in (task / "children").read_text().split()]
        except OSError:  # it has just ended
            lines = []
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines if " kB" in line}
        found.append((kilobytes.get("VmRSS", 0) * 1024, kilobytes.get("VmHWM", 0) * 1024))
    return found


def _elsewhere(root: int) -> list[tuple[int, int]]:
    shown = subprocess.run(
        ["/bin/ps", "-ax", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=False
    )
    rows = [tuple(map(int, line.split())) for line in shown.stdout.splitlines()]
    memory = {pid: rss * 1024 for pid, _, rss in rows}
    found: list[tuple[int, int]] = []
    left = [root]
    while left and len(found) <= 2 * MOST_PROCESSES:
        pid = left.pop(0)
        left += [child for child, parent, _ in rows if parent == pid]
        found.append((memory.get(pid, 0), memory.get(pid, 0)))
    return found
