"""A worker process: it waits for jobs, and runs each in a copy of itself.

The copy starts with what takes long, torch and this project, already imported where jobs need it,
and ends with its job: nothing that a recommender keeps or changes reaches the next one, and a crash
costs one job.
"""

import json
import os
import pickle
import select
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, NoReturn, TypeAlias

from loki_bench.engine.job_border import JobError, carried_out, refused
from loki_bench.engine.job_values import MOST_BYTES
from loki_bench.kernel import die_with
from loki_bench.plain_data import in_short
from loki_bench.preloading import modules_since, preload
from loki_bench.sandbox import readable, template

__all__ = ["ANSWERED", "DIED", "READY", "STARTED", "UNABLE", "serve"]

READY, STARTED, ANSWERED, DIED, UNABLE = b"r", b"s", b"a", b"d", b"u"
"""The first byte of what a worker says; an answer, a wait status, or in a text what keeps it from
working at all follows the last three."""

COPIES = sys.platform == "linux"
"""Elsewhere libraries of the system do not survive a fork, and jobs share a process."""

LENGTH_BYTES = 8
MOST_TOLD_BYTES = 1 << 20
AT_ONCE = 1 << 20

HostEnd: TypeAlias = "Connection[Any, Any]"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a job's copy told of itself beside its answer.

    Attributes
    ----------
    modules : list
        What it had to import, by name.
    wants_template : bool
        Whether it started a process that could have been a copy of a template.
    searches : list
        See :func:`~loki_bench.sandbox.readable.searches`.
    """

    modules: list[object] = field(default_factory=list)
    wants_template: bool = False
    searches: list[object] = field(default_factory=list)


def serve(host: HostEnd, modules: Sequence[str] = ()) -> None:
    """Run jobs until the host closes the channel or ends.

    Parameters
    ----------
    host : Connection
    modules : sequence of str
        This project's own modules that jobs will need, by name: each job would import them anew.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the host's to handle
    preload(modules)
    broken = _broken_torch() if any(name not in sys.modules for name in modules) else None
    with suppress(EOFError, ConnectionError):  # the host may have ended before this one began
        if broken is not None:
            host.send_bytes(_unable("import torch", broken))
            return
        host.send_bytes(READY)
        while True:
            job = host.recv_bytes()
            function, arguments = pickle.loads(job)
            host.send_bytes(STARTED)
            if COPIES:
                said, told = _in_a_copy(host, function, arguments)
            else:
                said, told = memoryview(ANSWERED + carried_out(function, arguments)), Told()
            host.send_bytes(said)
            del said  # a fitted surrogate may take most of a gigabyte
            preload(told.modules)
            if told.wants_template:
                template.start()
            if told.searches:
                from loki_bench.sandbox import plugin_code  # by now the job has imported it

                readable.search_again(told.searches)
                plugin_code.installed_code()


def _broken_torch() -> Exception | None:
    """What importing torch raises, if anything: each job would say so, and none is to blame."""
    try:
        import torch  # noqa: F401
    except Exception as error:  # whatever a broken installation may raise
        return error
    return None


def _in_a_copy(
    host: HostEnd, function: Any, arguments: tuple[object, ...]
) -> tuple[memoryview, Told]:
    """What is to be said of a job, and what its copy told of itself."""
    known = set(sys.modules)
    worker = os.getpid()
    try:
        reads, writes = os.pipe()
        copy = os.fork()
    except OSError as error:  # no process, file or memory is left for one
        return memoryview(_unable("copy itself for a job", error)), Told()
    if not copy:
        _be_the_copy(worker, host, (reads, writes), known, function, arguments)
    os.close(writes)
    try:
        content, status = _wait_for(copy, reads, host)
    finally:
        os.close(reads)
    if status:
        return memoryview(DIED + str(status).encode()), Told()
    return _parted(content)


def _unable(what: str, error: Exception) -> bytes:
    return UNABLE + in_short(f"it can't {what}: {type(error).__name__}: {error}").encode()


def _parted(content: bytearray) -> tuple[memoryview, Told]:
    """What is to be said, and what the copy told; this is parsed, a plugin wrote it.

    It is not copied: the byte before the answer says that it is one, whatever it was.
    """
    start = 2 * LENGTH_BYTES
    end = start + int.from_bytes(content[LENGTH_BYTES:start], "big")
    try:
        found = json.loads(content[start : min(end, start + MOST_TOLD_BYTES)].decode())
    except (ValueError, RecursionError):
        found = None
    told = Told()
    match found:
        case [[*modules], wants_template, [*searches]]:
            told = Told(modules=modules, wants_template=wants_template is True, searches=searches)
    content[end : end + 1] = ANSWERED
    return memoryview(content)[end:], told


def _be_the_copy(
    worker: int,
    host: HostEnd,
    answer: tuple[int, int],
    known: set[str],
    function: Any,
    arguments: tuple[object, ...],
) -> NoReturn:
    try:
        die_with(worker)  # by the kernel: a job may keep every thread of this process from running
        host.close()
        os.close(answer[0])
        done = carried_out(function, arguments)
        own = json.dumps([modules_since(known), template.is_wanted(), readable.searches()]).encode()
        told = len(own).to_bytes(LENGTH_BYTES, "big") + own + ANSWERED
        for part in ((len(told) + len(done)).to_bytes(LENGTH_BYTES, "big"), told, done):
            left = memoryview(part)
            while left:
                left = left[os.write(answer[1], left[:AT_ONCE]) :]
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(0)  # at once: a thread or an exit handler of a plugin has no say
    finally:
        os._exit(1)


def _wait_for(copy: int, reads: int, host: HostEnd) -> tuple[bytearray, int]:
    """What the copy wrote, whole, and 0; or nothing and the status that it ended with."""
    content = bytearray()
    length: int | None = None
    while length is None or len(content) < length:
        ready, _, _ = select.select([reads, host.fileno()], [], [], 0.5)
        if host.fileno() in ready:  # it sends nothing meanwhile: it is gone
            os.kill(copy, signal.SIGKILL)
            os._exit(1)
        if reads in ready:
            part = os.read(reads, AT_ONCE)
            if not part:
                return bytearray(), _status_of(copy)
            content += part
            if length is None and len(content) >= LENGTH_BYTES:
                length = LENGTH_BYTES + int.from_bytes(content[:LENGTH_BYTES], "big")
                if length > MOST_BYTES:
                    os.kill(copy, signal.SIGKILL)
                    os.waitpid(copy, 0)
                    return _too_long(length), 0
        elif os.waitpid(copy, os.WNOHANG)[0]:  # a process that it left holds the pipe open
            return bytearray(), signal.SIGKILL
    os.waitpid(copy, 0)
    return content, 0


def _too_long(n_bytes: int) -> bytearray:
    error = JobError(
        "InvalidAnswerError",
        f"the answer of a job takes {n_bytes} bytes; at most {MOST_BYTES} are read",
        "",
    )
    return bytearray(2 * LENGTH_BYTES) + ANSWERED + refused(error)


def _status_of(copy: int) -> int:
    return os.waitpid(copy, 0)[1] or 256  # ended without an answer, whatever it says
