"""What confines a plugin is said as it is: all of it, a part of it, or nothing."""

import ctypes
import json
import os
import platform
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loki_bench.kernel import prctl
from loki_bench.sandbox import seccomp
from loki_bench.sandbox.confinement import NOT_CONFINED, Confinement, confinement_of

HOSTILE = Path(__file__).parent / "hostile"
ALL = dict.fromkeys(
    ("reads", "writes", "attributes", "network", "signals", "children", "user"), ("a means",)
)


def test_all_of_it_is_full():
    assert Confinement(**ALL).summary == "full"
    assert Confinement(**ALL).missing == ()


def test_a_part_of_it_names_what_is_missing():
    assert Confinement(**{**ALL, "user": (), "reads": ()}).summary == "partial: without reads, user"


def test_nothing_of_it_is_not_confined():
    assert NOT_CONFINED.summary == "not confined"


def test_what_is_told_in_json_is_read_again():
    one = Confinement(**ALL)
    assert confinement_of(json.loads(json.dumps(one.as_json()))) == one


@pytest.mark.parametrize(
    "told", [None, [], {}, {"reads": ["landlock"]}, {**ALL, "reads": "all"}, {**ALL, "reads": [1]}]
)
def test_what_is_no_confinement_is_refused(told):
    with pytest.raises(ValueError, match="expected"):
        confinement_of(told)


HEADERS = {
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_numbers_of_calls_are_those_of_the_kernels_headers(machine):
    header = Path(HEADERS[machine])
    if not header.exists():
        pytest.skip("no headers of the kernel here")
    words = [line.split() for line in header.read_text().splitlines()]
    defined = {
        line[1].removeprefix("__NR_").removeprefix("__NR3264_"): int(line[2])
        for line in words
        if len(line) == 3 and line[0] == "#define" and line[2].isdigit()
    }
    known = {name: n for name, n in seccomp.table(machine).items() if name in defined}
    assert known == {name: defined[name] for name in known}
    assert len(known) > 80  # the headers may be older than a handful of calls


def test_every_jump_of_the_filter_stays_inside_it():
    for machine in ("x86_64", "aarch64"):
        for only in (None, 1234):
            written = seccomp.program(machine, signals_only_to=only)
            for place, (code, if_true, if_false, _) in enumerate(written):
                if code in {seccomp.EQUAL, seccomp.AT_LEAST, seccomp.ANY_BIT}:
                    assert place + 1 + max(if_true, if_false) < len(written)
            assert written[-1] == (seccomp.RETURN, 0, 0, seccomp.ALLOW)


ASK = """
import json, sys
sys.path.insert(0, {hostile!r})
exec({before!r})
from pathlib import Path
from loki_bench.sandbox.parent import run_isolated
answer = run_isolated("x", "hostile_plugin.behaviours:carry_out", ({does!r}, {target!r}),
    answer=print, seconds=60, memory_gib=2, closed=Path("/nowhere"))
print(json.dumps([answer.report, answer.confinement.as_json(), answer.confinement.summary]))
"""
WITHOUT = """
import sys
sys.path.insert(0, {here!r})
from test_confinement import without
without({calls!r})
"""


def without(calls):
    """Refuse this process and its children some calls, as a system that lacks them would."""
    numbers = {"landlock_create_ruleset": 444, **seccomp.table(platform.machine())}
    written = [(seccomp.LOAD, 0, 0, seccomp.NUMBER)]
    for call in calls:
        written += [
            (seccomp.EQUAL, 0, 1, numbers[call]),
            (seccomp.RETURN, 0, 0, seccomp.ERROR | 1),
        ]
    written.append((seccomp.RETURN, 0, 0, seccomp.ALLOW))
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *i) for i in written))
    filtered = seccomp._Program(len(written), ctypes.addressof(code))
    prctl(38, 1)
    assert prctl(22, 2, ctypes.addressof(filtered))


def asked(does, target=None, *, missing=()):
    """A behaviour's report, and what confined it, on a system that lacks some calls."""
    before = WITHOUT.format(here=str(Path(__file__).parent), calls=list(missing))
    script = ASK.format(hostile=str(HOSTILE), before=before, does=does, target=target)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


linux = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in HEADERS, reason="filters calls of Linux"
)


@linux
@pytest.mark.slow
@pytest.mark.parametrize(
    ("does", "target", "error"),
    [
        ("reads-file", "{secret}", "FileNotFoundError"),
        ("reads-file", "/proc/1/root{secret}", "was refused what it tried"),
        ("reads-file", "/etc/passwd", "FileNotFoundError"),
        ("writes-file", "/usr/lib/new", "Read-only file system"),
        ("writes-file", "/new", "Read-only file system"),
    ],
)
def test_without_landlock_a_root_of_its_own_holds_what_may_be_read(tmp_path, does, target, error):
    (tmp_path / "secret").write_text("seen")
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    target = target.format(secret=tmp_path / "secret")
    with pytest.raises(AssertionError, match=error):
        asked(does, target, missing=["landlock_create_ruleset"])


@linux
@pytest.mark.slow
def test_without_landlock_packages_are_imported_and_all_is_in_force():
    for name in ("pandas", "scipy.sparse", "numba"):
        report, confinement, summary = asked("imports", name, missing=["landlock_create_ruleset"])
        assert report["got"].endswith("__init__.py")
        assert confinement["reads"] == confinement["writes"] == ["mount namespace"]
        assert summary == "full"
    report, _, _ = asked("mounts-a-folder", "/", missing=["landlock_create_ruleset"])
    assert report == {"got": False}


@linux
@pytest.mark.slow
def test_a_host_that_is_killed_leaves_no_root_and_loses_nothing_that_was_mounted(tmp_path):
    kept, folders = tmp_path / "kept", tmp_path / "folders"
    folders.mkdir()
    kept.mkdir()
    (kept / "machine code").write_text("still here")
    never = ASK.format(
        hostile=str(HOSTILE),
        before=WITHOUT.format(here=str(Path(__file__).parent), calls=["landlock_create_ruleset"]),
        does="never-ends",
        target=None,
    ).replace("memory_gib=2,", "memory_gib=2, own_code=True,")
    environment = {**os.environ, "TMPDIR": str(folders), "NUMBA_CACHE_DIR": str(kept)}
    with subprocess.Popen([sys.executable, "-c", never], env=environment) as host:
        deadline = time.monotonic() + 60.0
        while not list(folders.glob("*/.root")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1.0)
        host.kill()
    deadline = time.monotonic() + 10.0
    while list(folders.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (kept / "machine code").read_text() == "still here"
    assert Path("/dev/null").exists()


@linux
@pytest.mark.slow
def test_without_landlock_and_mounts_reads_and_writes_are_said_to_be_open(tmp_path):
    file = tmp_path / "secret"
    file.write_text("seen")
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    report, confinement, summary = asked(
        "reads-file", str(file), missing=["landlock_create_ruleset", "mount"]
    )
    assert report == {"got": 4}  # it could, and the next lines say so
    assert confinement["reads"] == []
    assert summary.startswith("partial: without reads")


@linux
@pytest.mark.slow
def test_without_namespaces_a_supervisor_ends_what_was_started():
    asleep = f"600.{id(ASK)}{platform.node().__hash__() % 1000}"
    report, confinement, _ = asked("becomes-daemon", asleep, missing=["unshare"])
    assert report == {"got": True}
    assert confinement["children"] == ["supervisor"]
    assert not any("namespace" in " ".join(means) for means in confinement.values())
    lines = [p.read_text() for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists()]
    assert not any(asleep in line for line in lines)


@linux
@pytest.mark.slow
def test_without_namespaces_and_landlock_a_filter_keeps_signals_in(tmp_path):
    with subprocess.Popen(["sleep", "600"]) as sibling:
        try:
            missing = ["unshare", "landlock_create_ruleset"]
            _, confinement, _ = asked("kills-all", missing=missing)
            assert confinement["signals"] == ["seccomp"]
            assert sibling.poll() is None
        finally:
            sibling.kill()
