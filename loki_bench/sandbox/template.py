"""A process that is copied for each attack of this project's own, so that none waits for imports.

It is started beside a worker, with the variables that every isolated process has, and is told
nothing but what to copy itself for: no request, no data. A copy is confined, works on its one
request and ends, as a process that was started for it does. Before it answers it tells what it had
to import, and the template imports that, too.

Third parties' code never runs in a copy: what is imported there was chosen by this project alone.
Nor does a craft that is done again to see whether it is the same: copies share what a process draws
at its start, such as the order of sets of text, and a process of its own does not.
"""

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from loki_bench.preloading import modules_since, preload
from loki_bench.sandbox.child import main
from loki_bench.sandbox.environment import clean_environment
from loki_bench.sandbox.machine_code import kept_machine_code
from loki_bench.sandbox.new_python import new_python

__all__ = [
    "Copied",
    "Template",
    "copied",
    "is_wanted",
    "process_id",
    "serve",
    "start",
    "without_template",
]

NOWHERE = "/nonexistent"
"""The template's home and temporary folder: it has nothing to write."""
MOST_BYTES = 1 << 17
"""Of one message; a longer one can't be sent at once."""
NUMBER_BYTES = 8


class Copied:
    """A copy of the template, with what this project uses of ``subprocess.Popen``.

    Parameters
    ----------
    pid : int
    lifeline : int
        The open file that ends the copy when it closes.
    told : int
        The open file from which the status that it ended with can be read.
    """

    def __init__(self, pid: int, lifeline: int, told: int) -> None:
        self.pid = pid
        self.stdin = os.fdopen(lifeline, "wb", buffering=0)
        self._told = told
        self._status: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """As ``Popen.wait``."""
        if self._status is None:
            ready, _, _ = select.select([self._told], [], [], timeout)
            if not ready:
                raise subprocess.TimeoutExpired(f"a copy of {__name__}", timeout or 0.0)
            status = _read_number(self._told)
            os.close(self._told)
            # None: the template was killed, and can't tell how its copy ended
            self._status = -signal.SIGKILL if status is None else status
        return self._status


class Template:
    """A worker's end of its template; the worker's copies inherit it.

    The template ends when nobody holds this end any more.
    """

    def __init__(self) -> None:
        self._end, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        code = kept_machine_code()
        try:
            code.mkdir(parents=True, exist_ok=True)
            self._process = new_python(
                f"from {__name__} import serve; serve({theirs.fileno()})",
                channel=theirs.fileno(),
                stdin=subprocess.DEVNULL,
                output=subprocess.DEVNULL,  # what can't be imported is told by who needs it
                folder=Path("/"),
                variables=clean_environment(NOWHERE, machine_code=str(code)),
            )
        finally:
            theirs.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def close(self) -> None:
        """Let go of it; copies that are at work go on."""
        self._end.close()
        self._process.wait()

    def copy(
        self,
        folder: Path,
        variables: Mapping[str, str],
        channel: int,
        output: int,
        *,
        confined: bool,
    ) -> Copied | None:
        """As :func:`copied`."""
        lifeline, ours = os.pipe()
        told, tells = os.pipe()
        asked = {"folder": str(folder), "environment": dict(variables), "confined": confined}
        try:
            given = [channel, lifeline, output, tells]
            socket.send_fds(self._end, [json.dumps(asked).encode()], given)
            was_sent = True
        except OSError:  # it is gone
            was_sent = False
        for end in (lifeline, tells):
            os.close(end)
        process = _read_number(told) if was_sent else None
        if process is not None:
            return Copied(process, ours, told)
        for end in (ours, told):
            os.close(end)
        return None


_template: Template | None = None
_is_wanted = False


def start() -> None:
    """Start a template, if there is none; it ends with the last process that can reach it."""
    global _template
    if _template is None:
        _template = Template()


def copied(
    folder: Path, variables: Mapping[str, str], channel: int, output: int, *, confined: bool
) -> Copied | None:
    """A copy of the template that this process or the one that it is a copy of has started.

    Parameters
    ----------
    folder : Path
        Its working folder.
    variables : mapping of str to str
        All of its environment.
    channel : int
        The open file that :func:`loki_bench.sandbox.child.main` reads.
    output : int
        The open file that it prints to.

    Returns
    -------
    Copied or None
        None where there is no template, or it has ended.
    """
    global _is_wanted
    if _template is None:
        _is_wanted = sys.platform == "linux"
        return None
    return _template.copy(folder, variables, channel, output, confined=confined)


def process_id() -> int:
    """Of the template that :func:`copied` would ask; 0 where there is none."""
    return 0 if _template is None else _template.pid


def is_wanted() -> bool:
    """Whether there was no template when :func:`copied` was asked."""
    return _is_wanted


@contextmanager
def without_template() -> Iterator[None]:
    """A block in which every isolated process is started anew."""
    global _template
    before, _template = _template, None
    try:
        yield
    finally:
        _template = before


def serve(requests: int) -> NoReturn:
    """Be the template: copy this process for each request, until nobody can send one."""
    os.close(os.pidfd_open(os.getpid()))  # a system without it has no template
    end = socket.socket(fileno=requests)
    listens, tells = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    copies: dict[int, tuple[int, int]] = {}  # by what tells of its end: process, and who is told
    while True:
        ready, _, _ = select.select([requests, listens.fileno(), *copies], [], [])
        for one in ready:
            if one == requests:
                asked, given, _, _ = socket.recv_fds(end, MOST_BYTES, 4)
                if not asked:
                    os._exit(0)
                _copy(json.loads(asked), given, tells, copies)
            elif one == listens.fileno():
                with suppress(ValueError, TypeError):  # a copy may have sent anything
                    preload(json.loads(listens.recv(MOST_BYTES)))
                gc.collect()
                gc.freeze()  # or each copy would touch, and so hold, all that is here
                if threading.active_count() > 1:
                    os._exit(1)  # a copy has one thread alone, whatever the others held
            else:
                process, told = copies.pop(one)
                os.close(one)
                _write_number(told, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
                os.close(told)


def _copy(
    asked: dict[str, Any],
    given: list[int],
    tells: socket.socket,
    copies: dict[int, tuple[int, int]],
) -> None:
    channel, lifeline, output, told = given
    copy = os.fork()
    if not copy:
        _be_the_copy(asked, channel=channel, lifeline=lifeline, output=output, tells=tells)
    copies[os.pidfd_open(copy)] = copy, told
    _write_number(told, copy)
    for one in (channel, lifeline, output):
        os.close(one)


def _be_the_copy(
    asked: dict[str, Any], *, channel: int, lifeline: int, output: int, tells: socket.socket
) -> NoReturn:
    """Become what a process would be that was started for this."""
    import fcntl  # Linux has it

    try:
        os.setsid()
        for given, standard in ((lifeline, 0), (output, 1), (output, 2)):
            os.dup2(given, standard)
        # the channel comes first: there is no other below it
        tells_at = fcntl.fcntl(tells.fileno(), fcntl.F_DUPFD, channel + 1)
        kept = (0, 1, 2, channel, tells_at)
        for number in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208  # numbers, no files
            if number not in kept:
                with suppress(OSError):
                    os.close(number)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        tempfile.tempdir = None  # looked for again
        known = set(sys.modules)

        def tell() -> None:
            names = json.dumps(modules_since(known)).encode()
            known.update(sys.modules)
            if len("[]") < len(names) <= MOST_BYTES:
                with suppress(OSError):
                    os.write(tells_at, names)

        main(channel, confined=asked["confined"], before_answer=tell)
    finally:
        os._exit(1)


def _write_number(end: int, number: int) -> None:
    with suppress(BrokenPipeError):  # who asked is gone
        os.write(end, number.to_bytes(NUMBER_BYTES, "big", signed=True))


def _read_number(end: int) -> int | None:
    """The next number; None where nobody will write one any more."""
    written = os.read(end, NUMBER_BYTES)
    return int.from_bytes(written, "big", signed=True) if written else None
