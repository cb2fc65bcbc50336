"""What runs in a process that may be a copy: see tests/sandbox/test_template.py."""

import os
import signal
import sys
import time
from importlib import import_module
from pathlib import Path

COSTS = {"wall_seconds": 0.0, "cpu_seconds": 0.0, "compile_seconds": 0.0}
n_calls = 0


def done(**report):
    return {}, report, COSTS


def tells_about_itself(argument, ask):
    home = os.environ["HOME"]
    files = [str(Path(f"/proc/self/fd/{n}").readlink()) for n in range(64) if is_open(n)]
    return done(
        arguments=len(sys.argv),
        open_files=sorted({name.partition(":")[0].replace(home, "~") for name in files}),
        environment={
            name: value.replace(home, "~")
            for name, value in sorted(os.environ.items())
            if name != "LC_CTYPE"  # Python sets it at its start
        },
        folder_is_home=str(Path.cwd()) == home,
        paths=sys.path,
    )


def is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def counts(argument, ask):
    global n_calls
    n_calls += 1
    return done(n_calls=n_calls)


def has_imported(name, ask):
    before = name in sys.modules
    import_module(name)
    return done(before=before)


imports = has_imported


def tells_rubbish(argument, ask):
    for number in range(3, 64):
        if is_open(number) and Path(f"/proc/self/fd/{number}").readlink().name.startswith("socket"):
            last = number
    for rubbish in (b"{", b"3", b'["os", 3, null, "loki_bench.no_such_module"]', b"\xff"):
        os.write(last, rubbish)
    return done()


def kills_itself(argument, ask):
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def sleeps(seconds, ask):
    time.sleep(seconds)
    return done()


def asks(question, ask):
    return done(heard=ask(os.geteuid() if question == "user" else question))


def hash_of_text(argument, ask):
    return done(hash=hash("text"))
