"""Runs many small things in forked processes: a hang, a crash or a gigabyte costs one of them."""

import json
import os
import resource
import select
import signal
import traceback
from contextlib import suppress
from pathlib import Path

__all__ = ["GIB", "watched"]

GIB = 2**30


class HungError(BaseException):
    """It took too long; nothing that looks for errors catches it."""


def watched(n, job, *, seconds=60, gib=1.0, batch=100):
    """Call ``job(number)`` for every number below n; returns what went wrong, by number.

    A job goes wrong if it raises anything (the last lines of its traceback are kept), takes more
    than ``seconds``, ends its process, or makes the process larger than ``gib`` at any moment.
    The address space is held to four times that above what it was: no mistake takes the machine.
    """
    wrong, number = {}, 0
    while number < n:
        number = _child(number, min(n, number + batch), job, seconds, gib, wrong)
    return wrong


def _child(start, stop, job, seconds, gib, wrong):
    """One process for the jobs from start to stop; returns the first that it did not do."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        status = 1
        try:
            os.close(reading)
            os.setsid()
            _jobs(range(start, stop), job, seconds, gib, writing)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    done, told = start, b""
    try:
        while done < stop:
            ready, _, _ = select.select([reading], [], [], seconds + 30)
            piece = os.read(reading, 65536) if ready else b""
            if not piece:
                wrong[done] = "it ended its process" if ready else "it hangs and can't be stopped"
                return done + 1
            told += piece
            *lines, told = told.split(b"\n")
            for line in lines:
                number, what = json.loads(line)
                if what:
                    wrong[number] = what
                    print(f"{number}: {what}", flush=True)
                done = number + 1
        return done
    finally:
        os.close(reading)
        with suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)
        os.waitpid(process, 0)


def _jobs(numbers, job, seconds, gib, writing):
    signal.signal(signal.SIGALRM, _too_long)
    most = _kib("VmSize") * 1024 + int(4 * gib * GIB)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    for number in numbers:
        what = ""
        signal.alarm(seconds)
        try:
            job(number)
        except BaseException:
            what = "".join(traceback.format_exc().splitlines(keepends=True)[-40:])
        signal.alarm(0)
        largest = _kib("VmHWM") / 2**20
        if largest > gib:
            what += f"\nit took {largest:.2f} GiB"
        Path("/proc/self/clear_refs").write_text("5")  # the highest mark begins anew
        os.write(writing, json.dumps([number, what]).encode() + b"\n")


def _kib(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _too_long(number, frame):
    raise HungError
