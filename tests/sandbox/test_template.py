"""A copy of a template answers as a process that is started, holds no more, and ends with it."""

import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from processes import is_alive, soon

from loki_bench.engine.workers import LocalWorkers, outcome_of
from loki_bench.errors import KilledError
from loki_bench.pipeline import craft_again
from loki_bench.sandbox import spawned, template
from loki_bench.sandbox.parent import run_isolated

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux")

COPIED = Path(__file__).parent / "copied"


@pytest.fixture(autouse=True)
def functions(monkeypatch):
    monkeypatch.syspath_prepend(COPIED)


@pytest.fixture
def opened(monkeypatch):
    """A template of this process."""
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)  # sets of text would have one order
    found = template.Template()
    monkeypatch.setattr(template, "_template", found)
    yield found
    found.close()


def answer_of(
    name, argument=None, *, own_code=True, memory_gib=4.0, seconds=60.0, answer=lambda question: 0
):
    return run_isolated(
        "attacker 'own'",
        f"copied_functions:{name}",
        argument,
        answer=answer,
        seconds=seconds,
        memory_gib=memory_gib,
        closed=Path("/nowhere"),
        own_code=own_code,
    )


def test_a_copy_finds_what_a_started_process_finds(opened):
    copied = answer_of("tells_about_itself").report
    with template.without_template():
        started = answer_of("tells_about_itself").report
    for same in ("arguments", "open_files", "environment", "folder_is_home", "paths"):
        assert copied[same] == started[same], same


def test_a_copy_is_confined_as_what_is_started_is(opened):
    copied = answer_of("tells_about_itself").confinement
    with template.without_template():
        assert answer_of("tells_about_itself").confinement == copied


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a process another user")
@pytest.mark.parametrize("is_copied", [True, False])
def test_two_at_once_are_not_the_same_user(opened, is_copied):
    """The system counts the processes of a user: one that starts hundreds is in no other's way."""
    users = []

    def asked(question):
        users.append(question)
        if len(users) == 1:
            answer_of("asks", "user", answer=asked)
        return 0

    with nullcontext() if is_copied else template.without_template():
        answer_of("asks", "user", answer=asked)
    first, second = users
    assert first != second
    assert os.geteuid() not in users


def test_nothing_of_one_request_is_in_the_next(opened):
    assert [answer_of("counts").report["n_calls"] for _ in range(3)] == [1, 1, 1]


def test_what_a_copy_had_to_import_the_next_one_has(opened):
    assert not answer_of("has_imported", "numba").report["before"]
    assert soon(lambda: answer_of("has_imported", "numba").report["before"])


def test_what_is_no_package_of_this_project_or_its_own_is_not_imported(opened):
    assert not answer_of("imports", "copied_functions.extra").report["before"]
    assert not answer_of("imports", "copied_functions.extra").report["before"]


def test_whatever_a_copy_tells_the_template_goes_on(opened):
    answer_of("tells_rubbish")
    assert answer_of("counts").report == {"n_calls": 1}
    assert is_alive(opened.pid)


@pytest.mark.parametrize(("own_code", "memory_gib"), [(False, 4.0), (True, 1.0)])
def test_third_parties_code_and_whoever_gets_little_memory_is_not_copied(
    opened, monkeypatch, own_code, memory_gib
):
    monkeypatch.setattr(spawned, "copied", no_copy)
    answer_of("counts", own_code=own_code, memory_gib=memory_gib)


def no_copy(*_, **__):
    raise AssertionError("a copy was asked for")


def test_a_killed_copy_is_told_as_what_is_started_and_killed(opened):
    with pytest.raises(KilledError, match=r"its process was killed by SIGKILL"):
        answer_of("kills_itself")
    assert answer_of("counts").report == {"n_calls": 1}


def test_a_copy_is_ended_at_its_time_limit(opened):
    with pytest.raises(TimeoutError, match=r"ended at its time limit of 1 s"):
        answer_of("sleeps", 600.0, seconds=1.0)


def test_without_its_template_a_process_is_started(opened):
    os.kill(opened.pid, signal.SIGKILL)
    assert answer_of("counts").report == {"n_calls": 1}


def test_a_template_that_is_killed_takes_no_answer_with_it(opened):
    """The copy's work goes on; how it ended is then not known, and nobody needs it."""

    def killing(question):
        os.kill(opened.pid, signal.SIGKILL)

    assert answer_of("asks", answer=killing).report == {"heard": None}


def test_no_copy_and_no_folder_is_left_when_the_host_is_killed(tmp_path):
    script = (
        "from pathlib import Path; from loki_bench.sandbox import template; template.start(); "
        "print(template.process_id(), flush=True); "
        "from loki_bench.sandbox.parent import run_isolated; "
        "run_isolated('x', 'copied_functions:sleeps', 600, answer=print, seconds=600, "
        "memory_gib=8, closed=Path('/nowhere'), own_code=True)"
    )
    variables = {**os.environ, "PYTHONPATH": str(COPIED), "TMPDIR": str(tmp_path)}
    host = subprocess.Popen([sys.executable, "-c", script], env=variables, stdout=subprocess.PIPE)
    pid = int(host.stdout.readline())
    children = Path(f"/proc/{pid}/task/{pid}/children")
    assert soon(lambda: children.read_text().strip() != "", seconds=60.0)
    [copy] = children.read_text().split()
    time.sleep(1.0)  # asleep by now, or at least on its way
    assert list(tmp_path.iterdir())
    host.kill()
    host.wait()
    host.stdout.close()
    assert soon(lambda: not is_alive(copy) and not is_alive(pid))
    assert soon(lambda: not list(tmp_path.iterdir()))


def test_a_worker_has_a_template_once_a_job_wanted_one_and_takes_it_along(functions):
    from template_jobs import counts_in_a_process

    with LocalWorkers.open(1, seconds=60.0) as workers:
        found = [outcome_of(workers.submit(counts_in_a_process), 60.0) for _ in range(3)]
        assert [n_calls for n_calls, _ in found] == [1, 1, 1]
        before, first, second = (pid for _, pid in found)
        assert (before, first) == (0, second)
        assert is_alive(first)
    assert soon(lambda: not is_alive(first))


def test_a_craft_that_is_done_again_has_a_process_of_its_own(opened, monkeypatch):
    """Whoever depends on what a process draws at its start would do the same in every copy."""
    monkeypatch.setattr(
        craft_again, "_difference", lambda *_: str(answer_of("hash_of_text").report["hash"])
    )
    copies = {answer_of("hash_of_text").report["hash"] for _ in range(3)}
    assert len(copies) == 1
    again = craft_again.craft_again(None, None, (), None, None).value
    assert again not in map(str, copies)
