"""Starts and ends the process in which a plugin's code runs."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from loki_bench.sandbox.environment import clean_environment
from loki_bench.sandbox.new_python import new_python
from loki_bench.sandbox.template import Copied, copied

__all__ = ["END_SECONDS", "Started", "name_of_signal", "started_process"]

Started: TypeAlias = "subprocess.Popen[bytes] | Copied"

END_SECONDS = 5.0
"""How long a process that has ended its work may take to end."""


@contextmanager
def started_process(
    own: Path, machine_code: Path, *, confined: bool, may_be_copied: bool
) -> Iterator[tuple[Started, socket.socket, int]]:
    """The process, this end of its channel, and what it prints, for a ``with`` block.

    It may be a copy of a template (:mod:`loki_bench.sandbox.template`) where that is allowed.
    """
    ours, theirs = socket.socketpair()
    output, written = os.pipe()
    channel = theirs.fileno()
    variables = clean_environment(str(own), machine_code=str(machine_code))
    try:
        process: Started | None = None
        if may_be_copied:
            process = copied(own, variables, channel, written, confined=confined)
        if process is None:
            process = new_python(
                f"from loki_bench.sandbox.child import main; main({channel}, confined={confined})",
                channel=channel,
                stdin=subprocess.PIPE,  # it ends when this closes, however the host ends
                output=written,
                folder=own,
                variables=variables,
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


def _end(process: Started) -> None:
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
