"""What a hostile recommender tries, by name: it looks, talks, stays, breaks out, breaks the host.

A behaviour is called at one point of a recommender's life. What it could do despite the sandbox it
tells in its fit report, as ``got``; an honest recommender is left where it could not.
"""

import atexit
import contextlib
import ctypes
import gc
import json
import os
import pickle
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

from loki_bench.contracts import Recommender
from loki_bench.errors import (
    ClusterError,
    InvalidAnswerError,
    RejectedError,
    StoreError,
    TemporaryFolderError,
)

AT_FIT, AT_SCORES, AT_FACTS = {}, {}, {}


class Hostile(Recommender):
    """Popularity, and one behaviour.

    Parameters
    ----------
    does : str
        The behaviour's name.
    target : str
        What it is after: a path, a port, a process id.
    """

    def __init__(self, does: str = "", target: str = "") -> None:
        self.does, self.target, self.got = does, target, 0.0

    def fit(self, train, *, validation, seed):
        self.train, self.validation = train, validation
        self.counts = train.item_counts.astype(np.float32)
        if self.does in AT_FIT:
            self.got = float(AT_FIT[self.does](self) or 0)
        return self

    def score_next(self, users, histories):
        scores = np.tile(self.counts, (len(users), 1))
        return AT_SCORES[self.does](self, scores) if self.does in AT_SCORES else scores

    @property
    def n_training_samples(self):
        return AT_FACTS.get(self.does, (self.train.n_events, None))[0]

    @property
    def fit_report(self):
        return AT_FACTS.get(self.does, (None, {"got": self.got}))[1]

    def __reduce__(self):
        if self.does == "writes-when-it-is-opened":
            return writes, (self.target,)
        return super().__reduce__()


def named(function):
    return function.__name__.removesuffix("_").replace("_", "-")


def at_fit(function):
    AT_FIT[named(function)] = function
    return function


def at_scores(function):
    AT_SCORES[named(function)] = function
    return function


def at_facts(name, samples, report):
    AT_FACTS[name] = (samples, report)


def writes(path):
    Path(path).write_text("here")
    return 1.0


def channel():
    """The open file through which this process talks to the host."""
    return next(number for number in range(3, 64) if is_socket(number))


def is_socket(number):
    try:
        return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:
        return False


def say(content, *, framed=True):
    """Write past the protocol; then wait to be ended."""
    if framed:
        content = len(content).to_bytes(8, "big") + content
    while content:
        content = content[os.write(channel(), content) :]
    time.sleep(600)


def patch_everything():
    """Have every record say 1.0, in whichever process this is."""
    from loki_bench.pipeline import measure, record, retrain
    from loki_bench.records.store import Store

    def lying(*arguments, **named):
        raise RuntimeError("patched")

    for module in (measure, record, retrain):
        for name in ("write_record", "evaluate", "measure", "_value"):
            if hasattr(module, name):
                setattr(module, name, lying)
    Store.write_record = Store.write = lying


# to look


@at_fit
def reads_test_events(self):
    return len(Path(self.target).read_bytes())


@at_fit
def reads_records(self):
    return len(list(Path(self.target).iterdir()))


@at_fit
def reads_passwords(self):
    return len(Path("/etc/shadow").read_bytes())


@at_fit
def looks_for_test_events(self):
    """Objects of this process that hold more of a user than may be known."""
    known = self.train.n_events + len(self.validation)
    kinds = [type(one).__name__ for one in gc.get_objects()]
    return kinds.count("Split") + (known > int(self.target))


@at_fit
def reads_environments(self):
    others = [p for p in Path("/proc").glob("[0-9]*/environ") if p.parent.name != str(os.getpid())]
    return sum(readable(path) for path in others)


def readable(path):
    try:
        return len(path.read_bytes())
    except OSError:
        return 0


@at_fit
def traces_host(self):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, int(self.target), None, None) == 0:
        return 1.0
    raise OSError(ctypes.get_errno(), "ptrace")


# to talk


@at_fit
def connects(self):
    with socket.create_connection(("127.0.0.1", int(self.target)), timeout=5):
        return 1.0


@at_fit
def connects_to_unix_socket(self):
    with socket.socket(socket.AF_UNIX) as made:
        made.connect(self.target)
        return 1.0


@at_fit
def asks_name_server(self):
    return len(socket.getaddrinfo("example.org", 80))


# to stay


@at_fit
def writes_shared_memory(self):
    return writes("/dev/shm/loki-bench-hostile")  # noqa: S108


@at_fit
def writes_pth_file(self):
    return writes(self.target)


@at_fit
def writes_into_results(self):
    return writes(self.target)


@at_fit
def leaves_a_daemon(self):
    if not os.fork():
        os.setsid()
        if not os.fork():
            os.execvp("sleep", ["sleep", self.target])
        os._exit(0)
    time.sleep(0.2)


@at_fit
def leaves_threads_and_handlers(self):
    atexit.register(time.sleep, 600)
    threading.Thread(target=time.sleep, args=(600,)).start()


# to break out


@at_fit
def kills_the_host(self):
    os.kill(int(self.target), signal.SIGKILL)
    return 1.0


@at_fit
def kills_siblings(self):
    for pid in range(2, 1 << 16):
        if pid != os.getpid():
            send(pid, signal.SIGKILL)


@at_fit
def kills_all(self):
    send(-1, signal.SIGKILL)


@at_fit
def stops_its_parent(self):
    send(os.getppid(), signal.SIGSTOP)


def send(pid, number):
    with contextlib.suppress(OSError):
        os.kill(pid, number)


@at_fit
def changes_modes(self):
    os.chmod(self.target, 0o777)
    return 1.0


@at_fit
def patches_the_host(self):
    patch_everything()


@at_fit
def changes_training_data(self):
    self.train.items.flags.writeable = True


# to take too much


@at_fit
def takes_memory_in_children(self):
    script = "import time; held = b'1' * (300 << 20); time.sleep(600)"
    children = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(4)]
    for child in children:
        child.wait()


@at_fit
def forks_for_ever(self):
    while True:
        try:
            if not os.fork():
                time.sleep(600)
        except OSError:
            time.sleep(0.05)


@at_fit
def never_ends(self):
    while True:
        pass


@at_fit
def prints_much(self):
    for _ in range(1000):
        print("x" * 10_000)


# to break the host by an error


class TwoArgumentsError(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class SilentError(Exception):
    def __str__(self):
        raise ValueError("not telling")


def raises(name, error):
    def raise_it(self):
        raise error

    AT_FIT[name] = raise_it


raises("raises-with-two-arguments", TwoArgumentsError(1, 2))
raises("raises-without-text", SilentError())
raises("raises-half-a-surrogate", ValueError("half \ud800 of it"))
raises("raises-thirty-megabytes", ValueError("no\n" * (10 << 20)))
raises("interrupts", KeyboardInterrupt())
raises("exits", SystemExit(0))
raises("exits-with-text", SystemExit("all is well"))
raises("raises-rejected", RejectedError("over budget"))
raises("raises-invalid", InvalidAnswerError("not mine"))
raises("raises-cluster", ClusterError("all workers are gone"))
raises("raises-full-folder", TemporaryFolderError("no room"))
raises("raises-full-disk", OSError(28, "No space left on device"))
raises("raises-store", StoreError("not writable"))
raises("raises-timeout", TimeoutError("ended at its time limit"))
raises("raises-generator-exit", GeneratorExit())


@at_fit
def exits_at_once(self):
    os._exit(0)


@at_fit
def crashes(self):
    ctypes.string_at(0)


@at_fit
def recurses(self):
    recurses(self)


# to break the host by an answer


@at_scores
def answers_nan(self, scores):
    scores[0, 0] = np.nan
    return scores


@at_scores
def answers_infinity(self, scores):
    scores[-1, -1] = np.inf
    return scores


@at_scores
def answers_wrong_shape(self, scores):
    return scores[:, :-1]


@at_scores
def answers_one_row_more(self, scores):
    return np.concatenate([scores, scores[:1]])


@at_scores
def answers_doubles(self, scores):
    return scores.astype(np.float64)


@at_scores
def answers_a_list(self, scores):
    return scores.tolist()


@at_scores
def answers_objects(self, scores):
    return scores.astype(object)


@at_scores
def answers_nothing(self, scores):
    return None


@at_scores
def exits_when_asked(self, scores):
    sys.exit(0)


@at_scores
def sends_three_gigabytes(self, scores):
    say(
        json.dumps(answer([{"name": "scores", "dtype": "<f4", "shape": [1 << 15, 24576]}])).encode()
    )


@at_scores
def sends_other_scores(self, scores):
    """As many bytes as are expected, in a shape that is not."""
    form = {"name": "scores", "dtype": "<f4", "shape": [scores.size]}
    say(framed(json.dumps(answer([form])).encode()) + scores.tobytes(), framed=False)


@at_scores
def sends_no_scores(self, scores):
    say(json.dumps(answer([])).encode())


@at_scores
def sends_a_pickle(self, scores):
    say(pickle.dumps(Hostile("writes-when-it-is-opened", self.target)))


@at_scores
def sends_garbage(self, scores):
    say(os.urandom(1000))


@at_scores
def asks_for_ever(self, scores):
    question = framed(b'{"kind": "question", "question": "targets?"}')
    threading.Thread(target=os.read, args=(channel(), 1 << 20)).start()
    while True:
        os.write(channel(), question)


def framed(content):
    return len(content).to_bytes(8, "big") + content


def answer(forms):
    costs = dict.fromkeys(("wall_seconds", "cpu_seconds", "compile_seconds"), 0.0)
    return {"kind": "answer", "report": {}, "costs": costs, "arrays": forms}


at_facts("counts-with-numpy", np.int64(300), {})
at_facts("counts-in-words", "many", {})
at_facts("counts-backwards", -1, {})
at_facts("counts-with-nan", float("nan"), {})
at_facts("counts-a-lot", 1 << 80, {})
at_facts("reports-nan", 1, {"epochs": float("nan")})
at_facts("reports-a-hundred-megabytes", 1, {"text": "x" * 8 * (100 << 17)})
at_facts("reports-half-a-surrogate", 1, {"half \ud800": 1.0})
at_facts("reports-an-object", 1, {"epochs": object()})
at_facts("reports-a-list", 1, [1.0])
