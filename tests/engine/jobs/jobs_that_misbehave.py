"""Jobs for workers, importable in their processes, too."""

import os
import sys
import time
from pathlib import Path

from loki_bench.errors import ClusterError, RejectedError, StoreError, TemporaryFolderError

kept = []


class TwoArgumentsError(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class SilentError(Exception):
    def __str__(self):
        raise ValueError("not telling")


def add(a, b):
    return a + b


def exits():
    sys.exit(0)


def interrupts():
    raise KeyboardInterrupt


def raises_with_two_arguments():
    raise TwoArgumentsError(1, 2)


def raises_without_text():
    raise SilentError


def raises_half_a_surrogate():
    raise ValueError("half \ud800 of\nit")


def raises_much_text():
    raise ValueError("no\n" * (10 << 20))


def raises_cluster_error():
    raise ClusterError("all workers are gone")


def claims_a_full_folder():
    raise TemporaryFolderError("no room")


def raises_store_error():
    raise StoreError("not writable")


def raises_rejected():
    raise RejectedError("over budget")


def answers_what_can_not_be_sent():
    return lambda: None


def counts():
    kept.append(1)
    return len(kept)


def dies(folder):
    Path(folder, str(time.monotonic_ns())).touch()
    os._exit(3)


def dies_once(file):
    if not Path(file).exists():
        Path(file).touch()
        os.abort()
    return "alive"


def sleeps_once(file):
    if not Path(file).exists():
        Path(file).write_text(f"{os.getpid()} {os.getppid()}\n")
        time.sleep(600)
    return "rested"


def sleeps_a_second():
    time.sleep(1)
    return "rested"


def tells_its_process(folder, n):
    told = Path(folder, f"{n}-{time.monotonic_ns()}.part")
    told.write_text(f"{os.getpid()} {os.getppid()}")
    told.rename(told.with_suffix(".pid"))
    time.sleep(0.3)
    return n
