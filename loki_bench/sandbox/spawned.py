"""Starts and ends the process in which a plugin's code runs."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loki_bench.sandbox.environment import clean_environment

__all__ = ["END_SECONDS", "name_of_signal", "started_process"]

END_SECONDS = 5.0
"""How long a process that has ended its work may take to end."""


@contextmanager
def started_process(
    own: Path, machine_code: Path, *, confined: bool
) -> "Iterator[tuple[subprocess.Popen[bytes], socket.socket, int]]":
    """The process, this end of its channel, and what it prints, for a ``with`` block."""
    ours, theirs = socket.socketpair()
    output, written = os.pipe()
    # A script, not `-m`: `-m` puts the working folder first on the path.
    paths = [os.path.abspath(path) for path in sys.path]  # noqa: PTH100  # "" is this folder
    script = (
        "import sys, json; sys.path[:] = json.loads(sys.argv.pop()); "
        "from loki_bench.sandbox.child import main; "
        f"main({theirs.fileno()}, confined={confined})"
    )
    try:
        process = subprocess.Popen(  # noqa: S603  # this interpreter, and nothing of a plugin's
            [sys.executable, "-c", script, json.dumps(paths)],
            stdin=subprocess.PIPE,  # it ends when this closes, however the host ends
            stdout=written,
            stderr=written,
            pass_fds=[theirs.fileno()],
            cwd=own,
            env=clean_environment(str(own), machine_code=str(machine_code)),
            start_new_session=True,
        )
    finally:
        theirs.close()
        os.close(written)
    try:
        yield process, ours, output
    finally:
        ours.close()
        _end(process)
        os.close(output)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the process with all that it started."""
    if process.stdin is not None:
        process.stdin.close()
    with suppress(subprocess.TimeoutExpired):  # it ends what is below it first
        process.wait(END_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def name_of_signal(number: int) -> str:
    """As ``SIGKILL``."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
