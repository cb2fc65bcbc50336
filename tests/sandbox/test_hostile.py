"""A hostile plugin gets nothing of what it wants, and the host says in a sentence what happened."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy
import pytest
from processes import command_lines, soon

from loki_bench.errors import InvalidAnswerError, KilledError, RejectedError
from loki_bench.sandbox import parent, spawned, template
from loki_bench.sandbox.parent import run_isolated

HOSTILE = Path(__file__).parent / "hostile"
REFUSED = r"plugin 'hostile' was refused what it tried \(\[Errno \d+\] .*\): it may read installed"
FAILED = r"plugin 'hostile' raised "
SENT = r"plugin 'hostile' sent "


@pytest.fixture(scope="module")
def running_template():
    """A process to copy, on whose path the plugin is."""
    if sys.platform != "linux":
        pytest.skip("processes are copied on Linux alone")
    sys.path.insert(0, str(HOSTILE))
    try:
        opened = template.Template()
    finally:
        sys.path.remove(str(HOSTILE))
    yield opened
    opened.close()


@pytest.fixture(autouse=True, params=["started", "copied"])
def hostile(request, monkeypatch):
    """The plugin in a process that is started for it, and in a copy, which it never runs in."""
    monkeypatch.syspath_prepend(HOSTILE)
    if request.param == "copied":
        monkeypatch.setattr(template, "_template", request.getfixturevalue("running_template"))

        def copied(own, machine_code, *, confined, may_be_copied):
            return spawned.started_process(own, machine_code, confined=confined, may_be_copied=True)

        monkeypatch.setattr(parent, "started_process", copied)


def ends(does, target=None, *, closed=Path("/nowhere"), seconds=60.0, memory_gib=2.0):
    """How a behaviour ended, as a record says it, what was told, and what confined it."""
    try:
        answer = run_isolated(
            "plugin 'hostile'",
            "hostile_plugin.behaviours:carry_out",
            (does, target),
            answer=lambda question: {"heard": True},
            seconds=seconds,
            memory_gib=memory_gib,
            closed=closed,
        )
    except RejectedError as error:
        return "rejected", str(error)
    except TimeoutError as error:
        return "timeout", str(error)
    except InvalidAnswerError as error:
        return "failed", str(error)
    return "ok", answer.report


@pytest.fixture(scope="module")
def in_force():
    """What confines a plugin's process on this system."""
    sys.path.insert(0, str(HOSTILE))
    try:
        answer = run_isolated(
            "plugin 'hostile'",
            "hostile_plugin.behaviours:carry_out",
            ("lists-processes", 0),
            answer=print,
            seconds=60.0,
            memory_gib=2.0,
            closed=Path("/nowhere"),
        )
    finally:
        sys.path.remove(str(HOSTILE))
    return answer.confinement


@pytest.fixture
def needs(in_force):
    """Skip, saying so, where this system can't keep a plugin from something."""

    def check(*names):
        missing = [name for name in names if name in in_force.missing]
        if missing:
            pytest.skip(f"nothing on this system confines {', '.join(missing)}: {in_force.summary}")

    return check


@pytest.fixture
def secret(tmp_path):
    """A file as readable as a file can be, in a folder of results."""
    folder = tmp_path / "results"
    folder.mkdir()
    file = folder / "ranks.npy"
    file.write_bytes(b"the test events")
    file.chmod(0o666)
    for above in (folder, tmp_path, tmp_path.parent, tmp_path.parent.parent):
        above.chmod(0o755)
    return file


@pytest.mark.parametrize("does", ["reads-file", "reads-through-a-link"])
def test_results_can_not_be_read(does, secret, needs):
    needs("reads")
    status, told = ends(does, str(secret), closed=secret.parent)
    assert status == "rejected"
    assert re.match(REFUSED, told)


@pytest.mark.slow
def test_results_can_not_be_taken_into_its_own_folder(secret, needs):
    needs("reads")
    status, told = ends("links-file-here", str(secret), closed=secret.parent)
    assert status in {"failed", "rejected"}
    assert "Errno" in told


def test_results_can_not_be_read_where_packages_are_installed_around_them(
    secret, needs, monkeypatch
):
    needs("reads")
    (secret.parents[1] / "package.py").write_text("found = True")
    monkeypatch.syspath_prepend(secret.parents[1])
    assert ends("reads-file", str(secret.parents[1] / "package.py"))[0] == "ok"
    assert ends("reads-file", str(secret), closed=secret.parent)[0] == "rejected"


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    ["/etc/shadow", "/etc/passwd", str(Path.home()), tempfile.gettempdir(), "/"],
)
def test_nothing_of_the_machine_is_read_but_programs_and_libraries(path, needs):
    needs("reads")
    does = "lists-folder" if Path(path).is_dir() else "reads-file"
    assert ends(does, path)[0] == "rejected"


@pytest.mark.slow
def test_data_can_not_be_read(tmp_path, monkeypatch, needs):
    needs("reads")
    monkeypatch.setenv("LOKI_BENCH_DATA", str(tmp_path))
    (tmp_path / "beauty.txt").write_text("1 2 3")
    assert ends("reads-file", str(tmp_path / "beauty.txt"))[0] == "rejected"
    assert ends("lists-folder", str(tmp_path))[0] == "rejected"


def test_a_program_reads_no_more_than_the_plugin_that_starts_it(secret, needs):
    needs("reads")
    assert ends("reads-through-a-program", str(secret)) == ("ok", {"got": 0})


@pytest.mark.slow
@pytest.mark.parametrize("does", ["mounts-a-folder", "makes-namespaces"])
def test_it_can_not_leave_its_view_of_the_files(does, secret, needs):
    needs("attributes")
    assert ends(does, str(secret.parent)) == ("ok", {"got": False})


def test_no_environment_is_read_but_a_clean_one(needs, monkeypatch):
    needs("reads")
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    monkeypatch.setenv("SOME_FOLDER", "/data/of/mine")
    assert ends("reads-own-environment", "/data/of/mine") == ("ok", {"got": {}})
    assert ends("reads-environments", os.getpid()) == ("ok", {"got": {}})


@pytest.mark.slow
@pytest.mark.parametrize("does", ["lists-processes", "reads-host-memory"])
def test_the_host_is_not_seen(does, needs):
    needs("reads", "signals")
    status, report = ends(does, os.getpid())
    assert (status, report["got"]) == ("ok", False)


@pytest.mark.slow
def test_the_host_is_not_traced(needs):
    needs("signals")
    assert ends("traces-host", os.getpid()) == ("ok", {"got": [False, False]})


@pytest.mark.slow
def test_no_file_of_the_host_is_open_in_it(needs):
    needs("reads")
    assert ends("lists-open-files") == ("ok", {"got": []})


@pytest.fixture
def listening():
    """A port on loopback, and what came in there."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.2)
    yield server
    server.close()


def test_a_port_of_this_machine_is_not_reached(listening, needs):
    needs("network")
    status, told = ends("connects", listening.getsockname()[1])
    assert status == "rejected"
    assert re.match(REFUSED, told)
    with pytest.raises(TimeoutError):
        listening.accept()


@pytest.mark.slow
@pytest.mark.parametrize("does", ["listens", "sends-datagram"])
def test_no_socket_is_opened(does, needs):
    needs("network")
    assert ends(does, 9)[0] == "rejected"


@pytest.mark.slow
def test_no_name_is_resolved(needs):
    needs("network")
    status, told = ends("asks-name-server")
    assert status == "failed"
    assert "raised gaierror" in told


@pytest.mark.slow
def test_no_socket_of_this_machine_is_reached(tmp_path, needs):
    needs("network", "attributes")
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as named, socket.socket(socket.AF_UNIX) as abstract:
        named.bind(path)
        named.listen()
        Path(path).chmod(0o777)
        abstract.bind("\0loki-bench-test")
        abstract.listen()
        assert ends("connects-to-unix-socket", path)[0] == "rejected"
        assert ends("connects-to-abstract-socket", "loki-bench-test")[0] == "rejected"


@pytest.mark.slow
def test_neither_a_program_nor_the_kernels_rings_reach_the_network(listening, needs):
    needs("network", "attributes")
    port = listening.getsockname()[1]
    status, report = ends("connects-through-a-program", port)
    assert (status, report["got"] == 0) == ("ok", False)
    assert ends("connects-by-io-uring") == ("ok", {"got": False})


def packages():
    return next(path for path in sys.path if path.endswith("site-packages"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        "/dev/shm/loki-bench-state",  # noqa: S108  # where a cheat would leave something
        f"{packages()}/loki_bench_state.pth",
        numpy.__file__,
        f"{Path.home()}/.loki-bench-state",
        f"{tempfile.gettempdir()}/loki-bench-state",
    ],
)
def test_nothing_is_written_that_another_process_reads(path, needs):
    needs("writes")
    before = Path(path).stat().st_mtime_ns if Path(path).exists() else None
    status, told = ends("writes-file", path)
    assert status == "rejected"
    assert re.match(REFUSED, told)
    assert (Path(path).stat().st_mtime_ns if Path(path).exists() else None) == before


@pytest.mark.slow
def test_nothing_is_written_where_machine_code_is_kept(tmp_path, monkeypatch, needs):
    needs("writes")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    (tmp_path / "kept.nbi").write_text("of the host")
    assert ends("reads-file", str(tmp_path / "kept.nbi"))[0] == "ok"
    assert ends("writes-file", str(tmp_path / "kept.nbi"))[0] == "rejected"
    assert (tmp_path / "kept.nbi").read_text() == "of the host"


@pytest.mark.slow
def test_no_memory_is_shared_by_name(needs):
    needs("writes", "attributes")
    assert ends("makes-shared-memory")[0] == "rejected"
    assert ends("makes-system-v-memory") == ("ok", {"got": False})
    assert ends("keeps-a-key") == ("ok", {"got": False})
    status, told = ends("makes-hidden-memory")
    assert status == "failed"
    assert "Function not implemented" in told


@pytest.mark.parametrize("does", ["changes-mode", "changes-times"])
def test_no_mode_and_no_time_of_a_file_is_changed(does, secret, needs):
    needs("attributes")
    before = secret.stat()
    assert ends(does, str(secret))[0] == "rejected"
    assert (secret.stat().st_mode, secret.stat().st_mtime) == (before.st_mode, before.st_mtime)


@pytest.mark.slow
@pytest.mark.parametrize("does", ["changes-owner", "changes-attributes"])
def test_no_owner_and_no_attribute_of_a_file_is_changed(does, secret, needs):
    needs("attributes")
    before = secret.stat()
    assert ends(does, str(secret))[0] == "rejected"
    assert secret.stat().st_uid == before.st_uid
    assert os.listxattr(secret) == []


@pytest.mark.slow
def test_no_call_is_made_by_another_of_its_numbers(secret, needs):
    needs("attributes")
    assert ends("changes-mode-by-old-numbers", str(secret)) == ("ok", {"got": False})
    assert secret.stat().st_mode & 0o777 == 0o666


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_daemon_does_not_outlive_its_cell():
    asleep = f"600.{os.getpid()}{time.monotonic_ns()}"
    assert ends("becomes-daemon", asleep) == ("ok", {"got": True})
    assert soon(lambda: not any(asleep in line for line in command_lines()))


@pytest.mark.slow
def test_threads_and_exit_handlers_hold_nothing_up():
    began = time.monotonic()
    assert ends("leaves-threads") == ("ok", {"got": True})
    assert time.monotonic() - began < 30


@pytest.fixture
def sibling():
    """Another process of the host."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.wait()


@pytest.mark.parametrize("does", ["kills", "stops"])
def test_neither_the_host_nor_a_sibling_is_killed_or_stopped(does, sibling, needs):
    needs("signals")
    status, told = ends(does, sibling.pid)
    assert status in {"rejected", "failed"}
    assert "Errno" in told
    assert sibling.poll() is None
    assert Path(f"/proc/{sibling.pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"
    assert ends(does, os.getpid())[0] in {"rejected", "failed"}


@pytest.mark.slow
@pytest.mark.parametrize("does", ["kills-by-file-owner", "slows-host", "limits-host"])
def test_no_other_call_that_reaches_a_process_reaches_a_sibling(does, sibling, needs):
    needs("signals", "attributes")
    assert ends(does, sibling.pid)[0] in {"rejected", "failed"}
    assert os.getpriority(os.PRIO_PROCESS, sibling.pid) == os.getpriority(os.PRIO_PROCESS, 0)


@pytest.mark.slow
def test_a_signal_to_all_processes_reaches_its_own_alone(sibling, needs):
    needs("signals")
    ends("kills-all")
    assert sibling.poll() is None


@pytest.mark.slow
def test_a_fork_bomb_is_bounded_and_cleared_away(needs):
    needs("signals")
    status, told = ends("forks-for-ever", memory_gib=64.0)
    # the user's own limit, or the host's count of processes
    assert (status == "ok" and told["n"] <= 256) or "more than 256 processes" in told


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="children are counted in /proc")
@pytest.mark.parametrize("does", ["takes-memory-in-children", "takes-memory-by-mapping"])
def test_memory_of_children_and_of_mappings_counts(does):
    status, told = ends(does, memory_gib=0.4)
    assert status == "failed"
    assert told.startswith("plugin 'hostile' was ended at its memory limit of 0.4 GiB")


@pytest.mark.slow
def test_its_files_are_bounded_and_go_with_it():
    status, told = ends("writes-a-large-file", memory_gib=0.4)
    assert status == "failed"
    assert "File too large" in told or "its files take more than 0.4 GiB" in told
    before = set(Path(tempfile.gettempdir()).glob("loki-bench-*/d"))
    for does in ("nests-folders", "closes-its-folder"):
        assert ends(does) == ("ok", {"got": True})
    assert set(Path(tempfile.gettempdir()).glob("loki-bench-*/d")) <= before


ANSWERS = [
    ("sends-garbage", "failed", SENT + "something other than JSON"),
    ("announces-an-exabyte", "failed", SENT + "a message of 1152921504606846976 bytes; at most"),
    ("sends-deep-json", "failed", SENT + "JSON nested deeper than 32"),
    ("answers-three-gigabytes", "failed", SENT + "arrays of 3000000000 bytes; at most 1073741824"),
    ("reports-more-than-allowed", "failed", SENT + ".*a report of more than 65536 bytes"),
    ("exits", "failed", FAILED + "SystemExit: 0"),
    ("exits-at-once", "failed", "plugin 'hostile' died: its process ended with exit status 0"),
    ("kills-itself", "failed", "plugin 'hostile' died: its process was killed by SIGKILL"),
    ("raises-an-error-of-the-host", "failed", "all workers are gone"),
    ("raises-with-two-arguments", "failed", FAILED + "TwoArgumentsError: 1 and 2"),
]
SLOW_ANSWERS = [
    ("sends-a-pickle", "failed", SENT + "something other than JSON"),
    ("sends-an-archive", "failed", SENT + "something other than JSON"),
    ("sends-nan", "failed", SENT + r"something other than JSON \(NaN is no number\)"),
    ("sends-a-large-number", "failed", SENT + ".*a number that is not finite"),
    ("sends-an-unknown-kind", "failed", SENT + "a message of an unknown kind"),
    ("sends-bytes-that-are-no-text", "failed", SENT + "something other than JSON"),
    ("asks-with-half-a-surrogate", "failed", SENT + ".*half of a surrogate pair"),
    ("closes-the-channel", "failed", ".*closed its channel to the host, and went on"),
    ("claims-to-be-confined", "failed", SENT + "a broken message"),
    ("answers-objects", "failed", SENT + r".*an array of type '\|O'"),
    ("answers-impossible-shape", "failed", SENT + ".*a shape that can't be"),
    ("answers-invalid-text", "failed", SENT + "an array of text that is not valid"),
    ("answers-wrong-truth", "failed", SENT + "truth values that are neither"),
    ("answers-objects-in-arrays", "failed", SENT + r".*an array of type '\|O'"),
    ("costs-infinity", "failed", SENT + "something other than JSON"),
    ("costs-a-word", "failed", SENT + ".*a cost that is no number"),
    ("costs-something-else", "failed", SENT + ".*costs other than wall_seconds"),
    ("reports-nan", "failed", FAILED + "ValueError: Out of range float"),
    ("reports-much", "failed", SENT + "a message of 1048577.. bytes; at most"),
    ("reports-half-a-surrogate", "failed", SENT + ".*half of a surrogate pair"),
    ("reports-an-object", "failed", FAILED + "TypeError: Object of type object"),
    ("reports-a-huge-integer", "failed", SENT + ".*more than 64 bits"),
    ("reports-deeply", "failed", SENT + ".*nested deeper than 32"),
    ("exits-like-a-killed-one", "failed", ".*ended with exit status 137"),
    ("interrupts", "failed", FAILED + "KeyboardInterrupt"),
    ("crashes", "failed", ".*was killed by SIGSEGV"),
    ("aborts", "failed", ".*was killed by SIGABRT"),
    ("raises-without-text", "failed", FAILED + r"SilentError: \(its text raised ValueError\)"),
    ("raises-much-text", "failed", FAILED + "ValueError: no no no"),
    ("raises-half-a-surrogate", "failed", FAILED + r"ValueError: half of it \[2J and a \| new row"),
    ("raises-an-error-of-the-store", "failed", "the disk is full"),
    ("raises-a-long-name", "failed", FAILED + "EEE"),
    ("claims-a-full-disk", "failed", FAILED + "OSError: .*No space left"),
    ("recurses", "failed", FAILED + "RecursionError"),
    ("runs-out-of-memory", "failed", FAILED + "MemoryError"),
    ("prints-much", "ok", ""),
    ("closes-its-output", "ok", ""),
]


@pytest.mark.parametrize(
    ("does", "status", "reason"),
    [*ANSWERS, *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW_ANSWERS)],
)
def test_whatever_it_answers_costs_its_own_cell_and_a_sentence(
    does, status, reason, tmp_path, capsys
):
    target = str(tmp_path / "touched") if does == "sends-a-pickle" else None
    ended, told = ends(does, target)
    assert ended == status
    assert not (tmp_path / "touched").exists()
    if status == "failed":
        assert re.match(reason, told)
        assert len(told) <= 700
        assert told.isprintable()
    printed = capsys.readouterr().err
    assert len(printed) < 70_000
    assert "\x1b" not in printed


@pytest.mark.slow
@pytest.mark.parametrize(
    "does",
    [
        *("never-ends", "never-ends-in-c", "sends-half-a-message", "asks-for-ever"),
        *("never-reads", "raises-without-end"),
    ],
)
def test_whatever_never_ends_is_ended_at_its_time(does):
    began = time.monotonic()
    status, told = ends(does, seconds=6.0)
    assert time.monotonic() - began < 25
    assert status == "timeout"
    assert told == "ended at its time limit of 6 s"


@pytest.mark.parametrize(("does", "kind"), [("kills-itself", KilledError), ("aborts", None)])
def test_who_was_killed_is_told_from_who_crashed(does, kind):
    with pytest.raises(InvalidAnswerError, match="died: its process was killed by") as raised:
        run_isolated(
            "plugin 'hostile'",
            "hostile_plugin.behaviours:carry_out",
            (does, None),
            answer=print,
            seconds=60.0,
            memory_gib=2.0,
            closed=Path("/nowhere"),
        )
    assert raised.type is (kind or InvalidAnswerError)


@pytest.mark.slow
def test_two_at_a_time_do_not_find_each_other(needs):
    needs("reads", "signals")
    found = {}

    def look(name):
        found[name] = ends("lists-folder", tempfile.gettempdir())[0]

    threads = [threading.Thread(target=look, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {0: "rejected", 1: "rejected"}
