"""The process above a plugin's: it runs no foreign code, and leaves nothing behind.

It is what the host started. It makes the namespaces, starts the process that is confined, and
ends whatever is left below it when that one ends, or when the host does.
"""

import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from loki_bench.kernel import die_with
from loki_bench.sandbox import namespaces
from loki_bench.sandbox.privileges import adopt_orphans
from loki_bench.sandbox.scratch import PREFIX, remove

__all__ = ["start_below"]

LIFELINE = 0
"""Standard input: a pipe that closes when the host ends, however it ends."""
ROUNDS = 1000


def start_below(
    work: Callable[[tuple[str, ...], bool, int], None], *, given: int, apart: bool
) -> NoReturn:
    """Start a process in namespaces of its own, wait for its end, and end as it did.

    Parameters
    ----------
    work : callable
        Called in the new process with the namespaces that it is in, whether ``/proc`` shows it no
        other, and its parent's process id there.
    given : int
        An open file for the new process alone.
    apart : bool
        Whether it gets namespaces.
    """
    folder = Path.cwd()
    inside = namespaces.enter() if apart else ()
    adopt_orphans()
    woken, wakes = os.pipe()
    told, tells = os.pipe()
    for end in (woken, wakes):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    above = os.getpid()
    below = os.fork()
    if not below:
        signal.set_wakeup_fd(-1)
        for end in (woken, wakes, told):
            os.close(end)
        if "pid" in inside:
            _lead_namespace(work, inside, given=given, tells=tells)
        os.close(tells)
        _work(work, inside, False, above)
    for end in (given, tells):
        os.close(end)
    status = _wait_for_the_end(below, woken, folder)
    if "pid" in inside:  # the first process of a namespace can't be killed by a signal from inside
        written = os.read(told, 16)
        status = int(written) if written else status
    _end_all_below()
    _end_like(status)


def _lead_namespace(
    work: Callable[[tuple[str, ...], bool, int], None],
    inside: tuple[str, ...],
    *,
    given: int,
    tells: int,
) -> NoReturn:
    """Be the first process of the namespace: when it ends, the kernel ends all others in it."""
    die_with(0)
    own_processes = namespaces.mount_own_processes()
    below = os.fork()
    if not below:
        os.close(tells)
        _work(work, inside, own_processes, 1)
    os.close(given)
    while True:
        ended, status = os.wait()  # orphans, too
        if ended == below:
            os.write(tells, str(status).encode())
            os._exit(0)


def _work(
    work: Callable[[tuple[str, ...], bool, int], None],
    inside: tuple[str, ...],
    own_processes: bool,
    parent: int,
) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()  # signals to its group stay below
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, LIFELINE)
    os.close(nothing)
    try:
        work(inside, own_processes, parent)
    finally:
        os._exit(1)


def _wait_for_the_end(below: int, woken: int, folder: Path) -> int:
    """The status of the process below; if the host ends first, it is ended, and its folder gone."""
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == below:
            return status
        if ended:
            continue
        ready, _, _ = select.select([LIFELINE, woken], [], [])
        if LIFELINE in ready:
            os.kill(below, signal.SIGKILL)
            _end_all_below()
            if folder.name.startswith(PREFIX):  # a host that was killed can't
                remove(folder)
            os._exit(1)
        with suppress(BlockingIOError):
            os.read(woken, 512)


def _end_all_below() -> None:
    """End every process that was started below, and what they start meanwhile (Linux)."""
    for _ in range(ROUNDS):
        for child in _children():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    try:
        return [int(n) for n in Path("/proc/thread-self/children").read_text().split()]
    except OSError:
        return []


def _end_like(status: int) -> NoReturn:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1)
