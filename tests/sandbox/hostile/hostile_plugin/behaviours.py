"""What a hostile plugin tries: to look, to talk, to stay, to break out, and to break the host.

A behaviour is called with a target (a path, a port, a process id) and a function that asks the
host. It returns its report, raises, or never ends. What it could do despite the sandbox it says.
"""

import atexit
import contextlib
import ctypes
import importlib
import importlib.metadata
import json
import mmap
import os
import pickle
import resource
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from multiprocessing import shared_memory
from pathlib import Path

import numpy as np

from loki_bench.errors import ClusterError, StoreError

BEHAVIOURS = {}
NO_COSTS = {"wall_seconds": 0.0, "cpu_seconds": 0.0, "compile_seconds": 0.0}


def carry_out(argument, ask):
    """What an isolated process is asked to do: one behaviour, by its name."""
    name, target = argument
    answer = BEHAVIOURS[name](target, ask)
    if isinstance(answer, tuple):
        return answer
    return {"items": np.arange(3, dtype=np.int32)}, answer, NO_COSTS


def behaviour(function):
    BEHAVIOURS[function.__name__.removesuffix("_").replace("_", "-")] = function
    return function


def libc():
    return ctypes.CDLL(None, use_errno=True)


def channel():
    """The open file through which this process talks to the host."""
    for number in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number
        except OSError:
            continue
    raise LookupError("no channel")


def say(content, *, framed=True):
    """Write past the protocol; then wait to be ended."""
    if framed:
        content = len(content).to_bytes(8, "big") + content
    while content:
        content = content[os.write(channel(), content) :]
    time.sleep(600)


def say_json(message):
    say(json.dumps(message).encode())


# to look


@behaviour
def reads_file(path, ask):
    return {"got": len(Path(path).read_bytes())}


@behaviour
def imports(name, ask):
    return {"got": str(getattr(importlib.import_module(name), "__file__", None))}


@behaviour
def knows_versions(name, ask):
    return {"got": importlib.metadata.version(name)}


@behaviour
def lists_folder(path, ask):
    return {"got": os.listdir(path)}


@behaviour
def reads_through_a_link(path, ask):
    Path("innocent").symlink_to(path)
    return {"got": len(Path("innocent").read_bytes())}


@behaviour
def links_file_here(path, ask):
    os.link(path, "mine")
    return {"got": len(Path("mine").read_bytes())}


@behaviour
def reads_through_a_program(path, ask):
    done = subprocess.run(["/bin/cat", path], capture_output=True)
    return {"got": len(done.stdout)}


@behaviour
def mounts_a_folder(path, ask):
    os.mkdir("here")
    answer = libc().mount(os.fsencode(path), b"here", None, 4096, None)
    return {"got": answer == 0}


@behaviour
def makes_namespaces(target, ask):
    return {"got": libc().unshare(0x10000000) == 0}


@behaviour
def reads_environments(pid, ask):
    found = {}
    for path in (f"/proc/{pid}/environ", f"/proc/{os.getppid()}/environ", "/proc/1/environ"):
        with contextlib.suppress(OSError):
            found[path] = Path(path).read_bytes().decode(errors="replace")
    return {"got": found}


@behaviour
def reads_own_environment(target, ask):
    return {"got": {n: v for n, v in os.environ.items() if target in v or "SECRET" in n}}


@behaviour
def lists_processes(pid, ask):
    try:
        found = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        found = []
    return {"got": pid in found, "n": len(found)}


@behaviour
def lists_open_files(target, ask):
    found = []
    for number in range(64):
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/self/fd/{number}"))
    return {"got": [name for name in found if name.startswith("/") and name != "/dev/null"]}


@behaviour
def reads_host_memory(pid, ask):
    local = ctypes.create_string_buffer(8)
    remote = struct.pack("QQ", 0x400000, 8)
    here = struct.pack("QQ", ctypes.addressof(local), 8)
    n = libc().process_vm_readv(pid, here, 1, remote, 1, 0)
    return {"got": n > 0}


@behaviour
def traces_host(pid, ask):
    return {"got": [libc().ptrace(16, p, None, None) == 0 for p in (pid, os.getppid())]}


# to talk


@behaviour
def connects(port, ask):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
        s.send(b"hello")
    return {"got": True}


@behaviour
def listens(target, ask):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
    return {"got": True}


@behaviour
def sends_datagram(port, ask):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.sendto(b"hello", ("::1", port))
    return {"got": True}


@behaviour
def connects_to_unix_socket(path, ask):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
    return {"got": True}


@behaviour
def connects_to_abstract_socket(name, ask):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("\0" + name)
    return {"got": True}


@behaviour
def asks_name_server(target, ask):
    return {"got": socket.getaddrinfo("example.org", 80)}


@behaviour
def connects_through_a_program(port, ask):
    code = f"import socket; socket.create_connection(('127.0.0.1', {port}), timeout=5)"
    return {"got": subprocess.run([sys.executable, "-c", code], capture_output=True).returncode}


@behaviour
def connects_by_io_uring(target, ask):
    return {"got": libc().syscall(425, 8, ctypes.create_string_buffer(256)) >= 0}


# to stay


@behaviour
def writes_file(path, ask):
    Path(path).write_text("import os")
    return {"got": True}


@behaviour
def makes_shared_memory(target, ask):
    memory = shared_memory.SharedMemory(create=True, size=64)
    memory.close()
    return {"got": True}


@behaviour
def makes_system_v_memory(target, ask):
    return {"got": libc().shmget(0x10CB, 4096, 0o1666) >= 0}


@behaviour
def keeps_a_key(target, ask):
    number = {"x86_64": 248, "aarch64": 217}[os.uname().machine]
    return {"got": libc().syscall(number, b"user", b"state", b"1", 1, -4) >= 0}


@behaviour
def makes_hidden_memory(target, ask):
    os.memfd_create("much")
    return {"got": True}


@behaviour
def changes_mode(path, ask):
    os.chmod(path, 0o777)
    return {"got": True}


@behaviour
def changes_owner(path, ask):
    os.chown(path, os.getuid(), os.getgid())
    return {"got": True}


@behaviour
def changes_times(path, ask):
    os.utime(path, (0, 0))
    return {"got": True}


@behaviour
def changes_attributes(path, ask):
    os.setxattr(path, "user.state", b"1")
    return {"got": True}


@behaviour
def changes_mode_by_old_numbers(path, ask):
    # int 0x80 and x32 count the same calls again; both are refused as a whole
    return {"got": libc().syscall(0x40000000 + 90, os.fsencode(path), 0o777) == 0}


@behaviour
def becomes_daemon(seconds, ask):
    if not os.fork():
        os.setsid()
        if not os.fork():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            with contextlib.suppress(OSError):
                libc().prctl(1, 0)  # no signal when the parent ends
            os.close(channel())
            os.execv("/bin/sleep", ["sleep", seconds])
        os._exit(0)
    os.wait()
    return {"got": True}


@behaviour
def leaves_threads(target, ask):
    for _ in range(8):
        threading.Thread(target=time.sleep, args=(600,)).start()
    atexit.register(time.sleep, 600)
    return {"got": True}


# to harm other processes


@behaviour
def kills(pid, ask):
    os.kill(pid, signal.SIGKILL)
    return {"got": True}


@behaviour
def stops(pid, ask):
    os.kill(pid, signal.SIGSTOP)
    return {"got": True}


@behaviour
def kills_all(target, ask):
    with contextlib.suppress(OSError):
        os.kill(-1, signal.SIGTERM)
    with contextlib.suppress(OSError):
        os.kill(os.getppid(), signal.SIGKILL)
    return {"got": "sent"}


@behaviour
def kills_by_file_owner(pid, ask):
    import fcntl

    reading, _ = os.pipe()
    fcntl.fcntl(reading, fcntl.F_SETOWN, pid)
    return {"got": True}


@behaviour
def slows_host(pid, ask):
    os.setpriority(os.PRIO_PROCESS, pid, 19)
    return {"got": True}


@behaviour
def limits_host(pid, ask):
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 3))
    return {"got": True}


@behaviour
def forks_for_ever(target, ask):
    n = 0
    with contextlib.suppress(OSError):
        while n < 5000:
            if not os.fork():
                time.sleep(600)
                os._exit(0)
            n += 1
    time.sleep(10)
    return {"n": n}


@behaviour
def takes_memory_in_children(target, ask):
    for _ in range(4):
        if not os.fork():
            kept = np.ones(16 << 20)  # 128 MiB, all of it touched
            time.sleep(600)
            os._exit(int(kept[0]))
    time.sleep(60)
    return {"got": True}


@behaviour
def takes_memory_by_mapping(target, ask):
    kept = mmap.mmap(-1, 1 << 30)
    for start in range(0, 1 << 30, 1 << 24):
        kept[start : start + (1 << 24)] = b"1" * (1 << 24)
    time.sleep(60)
    return {"got": True}


@behaviour
def writes_a_large_file(target, ask):
    with Path("large").open("wb") as file:
        for _ in range(600):
            file.write(bytes(1 << 20))
    return {"got": True}


@behaviour
def nests_folders(target, ask):
    for _ in range(3000):
        os.mkdir("d")
        os.chdir("d")
    return {"got": True}


@behaviour
def closes_its_folder(target, ask):
    os.makedirs("d/in")
    os.mkdir("d/in/closed", mode=0)
    return {"got": True}


# to break the host by what it sends


@behaviour
def sends_garbage(target, ask):
    say(b"\x00\x00\x00\x00\x00\x00\x01\x00" + os.urandom(256), framed=False)


@behaviour
def announces_an_exabyte(target, ask):
    say((1 << 60).to_bytes(8, "big"), framed=False)


@behaviour
def sends_half_a_message(target, ask):
    say((100).to_bytes(8, "big") + b"{", framed=False)


@behaviour
def sends_a_pickle(path, ask):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (Path(path),))

    say(pickle.dumps(Evil()))


@behaviour
def sends_an_archive(target, ask):
    import io

    content = io.BytesIO()
    np.savez_compressed(content, items=np.zeros(20_000_000, dtype=np.int64))
    say(content.getvalue())


@behaviour
def sends_deep_json(target, ask):
    say(b"[" * 200_000)


@behaviour
def sends_nan(target, ask):
    say(b'{"kind": "question", "question": NaN}')


@behaviour
def sends_a_large_number(target, ask):
    say(b'{"kind": "question", "question": 1e999}')


@behaviour
def sends_an_unknown_kind(target, ask):
    say_json({"kind": ["ready"]})


@behaviour
def sends_bytes_that_are_no_text(target, ask):
    say(b'{"kind": "\xff"}')


@behaviour
def asks_with_half_a_surrogate(target, ask):
    ask("\ud800")


@behaviour
def asks_for_ever(target, ask):
    while True:
        ask("x" * 1000)


@behaviour
def never_reads(target, ask):
    while True:
        content = json.dumps({"kind": "question", "question": "x" * 60_000}).encode()
        os.write(channel(), len(content).to_bytes(8, "big") + content)


@behaviour
def closes_the_channel(target, ask):
    os.close(channel())
    time.sleep(600)


@behaviour
def claims_to_be_confined(target, ask):
    say_json({"kind": "ready", "confinement": {"reads": "all"}})


def finished(**changes):
    message = {"kind": "answer", "report": {}, "costs": NO_COSTS, "arrays": []}
    say_json({**message, **changes})


@behaviour
def answers_objects(target, ask):
    finished(arrays=[{"name": "items", "dtype": "|O", "shape": [1]}])


@behaviour
def answers_impossible_shape(target, ask):
    finished(arrays=[{"name": "items", "dtype": "<i4", "shape": [-1]}])


@behaviour
def answers_three_gigabytes(target, ask):
    finished(arrays=[{"name": "items", "dtype": "<i8", "shape": [375_000_000]}])


@behaviour
def answers_invalid_text(target, ask):
    wrong = np.array([0xD800], dtype=np.uint32).view("<U1")
    return {"names": wrong}, {}, NO_COSTS


@behaviour
def answers_wrong_truth(target, ask):
    return {"kept": np.array([7], dtype=np.uint8).view(np.bool_)}, {}, NO_COSTS


@behaviour
def answers_objects_in_arrays(target, ask):
    return {"items": np.array([object()])}, {}, NO_COSTS


@behaviour
def costs_infinity(target, ask):
    finished(costs={**NO_COSTS, "cpu_seconds": 1e400})


@behaviour
def costs_a_word(target, ask):
    finished(costs={**NO_COSTS, "cpu_seconds": "none"})


@behaviour
def costs_something_else(target, ask):
    finished(costs={"self": 1.0})


@behaviour
def reports_nan(target, ask):
    return {"score": float("nan")}


@behaviour
def reports_much(target, ask):
    return {"text": "x" * (100 << 20)}


@behaviour
def reports_more_than_allowed(target, ask):
    return {"text": "x" * (100 << 10)}


@behaviour
def reports_half_a_surrogate(target, ask):
    return {"text": "\udfff"}


@behaviour
def reports_an_object(target, ask):
    return {"model": object()}


@behaviour
def reports_a_huge_integer(target, ask):
    return {"n": 10**30}


@behaviour
def reports_deeply(target, ask):
    report = {}
    for _ in range(100):
        report = {"in": report}
    return report


# to break the host by how it ends


@behaviour
def exits(target, ask):
    sys.exit(0)


@behaviour
def exits_at_once(target, ask):
    os._exit(0)


@behaviour
def exits_like_a_killed_one(target, ask):
    os._exit(137)


@behaviour
def interrupts(target, ask):
    raise KeyboardInterrupt


@behaviour
def kills_itself(target, ask):
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(600)


@behaviour
def crashes(target, ask):
    ctypes.string_at(0)


@behaviour
def aborts(target, ask):
    os.abort()


class TwoArgumentsError(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class SilentError(Exception):
    def __str__(self):
        raise ValueError("not telling")


class EndlessError(Exception):
    def __str__(self):
        time.sleep(600)
        return ""


@behaviour
def raises_with_two_arguments(target, ask):
    raise TwoArgumentsError(1, 2)


@behaviour
def raises_without_text(target, ask):
    raise SilentError


@behaviour
def raises_without_end(target, ask):
    raise EndlessError


@behaviour
def raises_much_text(target, ask):
    raise ValueError("no " * (10 << 20))


@behaviour
def raises_half_a_surrogate(target, ask):
    raise ValueError("half \ud800 of it\x1b[2J\nand a | new row")


@behaviour
def raises_an_error_of_the_host(target, ask):
    raise ClusterError("all workers are gone")


@behaviour
def raises_an_error_of_the_store(target, ask):
    raise StoreError("the disk is full")


@behaviour
def raises_a_long_name(target, ask):
    raise type("E" * (1 << 20), (Exception,), {})("what")


@behaviour
def claims_a_full_disk(target, ask):
    raise OSError(28, "No space left on device")


@behaviour
def recurses(target, ask):
    return recurses(target, ask)


@behaviour
def runs_out_of_memory(target, ask):
    raise MemoryError


@behaviour
def never_ends(target, ask):
    while True:
        pass


@behaviour
def never_ends_in_c(target, ask):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        libc().prctl(1, 0)
    np.linalg.matrix_power(np.eye(1200), (1 << 60) - 1)


@behaviour
def prints_much(target, ask):
    for _ in range(300):
        print("x" * 100_000, "\x1b[2J")
    return {"got": True}


@behaviour
def closes_its_output(target, ask):
    os.close(1)
    os.close(2)
    time.sleep(0.3)
    return {"got": True}
