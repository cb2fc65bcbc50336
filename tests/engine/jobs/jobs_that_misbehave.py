"""Jobs for workers, importable in their processes, too."""

import ctypes
import importlib
import json
import os
import pickle
import stat
import sys
import time
from pathlib import Path

from loki_bench.engine import job_border
from loki_bench.errors import (
    ClusterError,
    RejectedError,
    StoreError,
    TemporaryFolderError,
    WorkerError,
)
from loki_bench.sandbox import readable

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


def raises_worker_error():
    raise WorkerError("no worker can be started")


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


def lets_no_thread_run(pids):
    Path(pids).write_text(f"{os.getpid()} {os.getppid()}\n")
    ctypes.PyDLL(None).sleep(60)  # as compiled code does that keeps the interpreter's lock


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


# what a job may write past the border, as if its plugin had taken the process over


def writes(content, modules=(), searches=()):
    """Have the process answer with these bytes, past the border."""
    told = json.dumps([list(modules), False, list(searches)]).encode()
    content = len(told).to_bytes(8, "big") + told + b"a" + content
    content = len(content).to_bytes(8, "big") + content
    number = pipe()
    while content:
        content = content[os.write(number, content) :]
    os._exit(0)


def pipe():
    """The open file through which this process answers its worker."""
    return next(number for number in range(3, 64) if is_pipe_to_write(number))


def is_pipe_to_write(number):
    try:
        os.write(number, b"")
        return stat.S_ISFIFO(os.fstat(number).st_mode)
    except OSError:
        return False


class WritesAFile:
    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return Path.touch, (Path(self.file),)


def writes_a_pickle(file) -> int:
    writes(b"v" + pickle.dumps((WritesAFile(file), None)))
    return 1


def writes_noise() -> int:
    writes(b"v" + bytes(range(256)) * 100)
    return 1


def writes_deep_json() -> int:
    text = b"[" * 200_000
    writes(b"v" + len(text).to_bytes(8, "big") + text)
    return 1


def writes_nothing() -> int:
    writes(b"")
    return 1


def gives_text() -> int:
    return "1"


def gives_half_a_surrogate() -> str:
    return "half \ud800"


def gives_a_number_without_end() -> dict[str, object]:
    return {"report": {"epochs": float("inf")}}


def gives_an_integer_of_a_thousand_bits() -> int:
    return 1 << 1000


def says_three_gigabytes() -> int:
    os.write(pipe(), (3 << 30).to_bytes(8, "big"))
    time.sleep(600)


def has_a_module_imported(name) -> int:
    writes(job_border.carried_out(add, (1, 1)), [name])
    return 0


def searches_for(closed) -> int:
    """How often this process has to look for what may be read."""
    readable.readable_paths((Path(closed),))
    return len(readable.searches())


def has_made_searches_up() -> int:
    made_up = [5, "x", {}, [], [["/"]], [[3], []], [["/" + "x/" * 3000], ["\0"]], ["/", "/"]]
    writes(job_border.carried_out(add, (1, 1)), searches=made_up)
    return 0


def has_imported(name) -> bool:
    return name in sys.modules


def detects_anomalies() -> bool:
    return importlib.import_module("torch").is_anomaly_enabled()
