"""What runs on this machine, and waiting until it is so."""

import time
from contextlib import suppress
from pathlib import Path

__all__ = ["command_lines", "is_alive", "soon"]


def is_alive(pid):
    """Whether a process runs; one that has ended and was not waited for does not (Linux)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def command_lines():
    """Of all processes: in its own namespace an attacker does not know a process's real number."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has just ended
            yield path.read_text()


def soon(condition, seconds=10.0):
    """Whether it holds, at once or within so many seconds."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()
