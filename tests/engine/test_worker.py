"""A job that is killed, or does whatever it may, costs itself alone."""

import multiprocessing
import os
import pickle
import re
import signal
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from loki_bench.engine import job_border, job_process
from loki_bench.engine import workers as module
from loki_bench.engine.job_border import (
    JobError,
    RaisedInJobError,
    bounded,
    carried_out,
    ended,
    of_this_machine,
    refused,
)
from loki_bench.engine.worker import Worker
from loki_bench.engine.workers import LocalWorkers, outcome_of
from loki_bench.errors import (
    ClusterError,
    InvalidAnswerError,
    RejectedError,
    StoreError,
    TemporaryFolderError,
    WorkerError,
)

JOBS = Path(__file__).parent / "jobs"


@pytest.fixture(autouse=True)
def jobs(monkeypatch):
    monkeypatch.syspath_prepend(JOBS)
    import jobs_that_misbehave

    return jobs_that_misbehave


@pytest.fixture(scope="module")
def workers():
    sys.path.insert(0, str(JOBS))
    try:
        with LocalWorkers.open(2, seconds=20.0) as opened:
            yield opened
    finally:
        sys.path.remove(str(JOBS))


def test_a_value_comes_back_as_it_was(workers, jobs):
    assert outcome_of(workers.submit(jobs.add, 2, 3), 20.0) == 5


@pytest.mark.parametrize(
    ("does", "kind", "text"),
    [
        ("exits", "SystemExit", "0"),
        ("interrupts", "KeyboardInterrupt", ""),
        ("raises_with_two_arguments", "TwoArgumentsError", "1 and 2"),
        ("raises_without_text", "SilentError", "(its text raised ValueError)"),
        ("raises_half_a_surrogate", "ValueError", "half of it"),
    ],
)
def test_whatever_a_job_raises_is_an_error_in_text(workers, jobs, does, kind, text):
    with pytest.raises(RaisedInJobError) as caught:
        outcome_of(workers.submit(getattr(jobs, does)), 20.0)
    assert type(caught.value).__name__ == kind
    assert str(caught.value) == text


def test_a_text_of_many_lines_is_one_line_and_its_traceback_is_kept(workers, jobs):
    with pytest.raises(RaisedInJobError) as caught:
        outcome_of(workers.submit(jobs.raises_much_text), 20.0)
    assert len(str(caught.value)) == 500
    assert str(caught.value).isprintable()
    assert "jobs_that_misbehave" in caught.value.traceback
    assert len(caught.value.traceback) <= 16_384


def test_a_value_that_can_not_be_sent_is_an_error_of_the_job(workers, jobs):
    with pytest.raises(RaisedInJobError, match="lambda"):
        outcome_of(workers.submit(jobs.answers_what_can_not_be_sent), 20.0)


@pytest.mark.parametrize(
    ("does", "kind"),
    [
        ("raises_cluster_error", InvalidAnswerError),
        ("claims_a_full_folder", InvalidAnswerError),
        ("raises_worker_error", InvalidAnswerError),
        ("raises_store_error", StoreError),
        ("raises_rejected", RejectedError),
    ],
)
def test_a_job_can_not_end_the_run_with_an_error_of_the_host(workers, jobs, does, kind):
    with pytest.raises(kind) as caught:
        outcome_of(workers.submit(getattr(jobs, does)), 20.0)
    assert type(caught.value) is kind


def test_a_full_folder_is_the_hosts_to_say_where_it_is_full(monkeypatch):
    monkeypatch.setattr(job_border, "why_unusable", lambda: "No space left on device")
    error = bounded(JobError("TemporaryFolderError", "no room", ""))
    assert type(error) is TemporaryFolderError


def test_only_the_machine_of_a_job_can_tell_that_its_folder_is_full(monkeypatch):
    told = refused(JobError("TemporaryFolderError", "no room", ""))
    assert of_this_machine(told) is None  # it is the job's word
    assert of_this_machine(b"v1") is None
    assert of_this_machine(b"e no JSON") is None
    monkeypatch.setattr(job_border, "why_unusable", lambda: "No space left on device")
    assert str(of_this_machine(told)) == "no room"


def test_an_error_in_text_is_sent_on_as_it_is():
    error = bounded(JobError("TwoArgumentsError", "1 and 2", "a traceback"))
    again = pickle.loads(pickle.dumps(error))
    assert (type(again).__name__, str(again)) == ("TwoArgumentsError", "1 and 2")
    assert again.traceback == "a traceback"


@pytest.mark.parametrize("kind", ["LokiBenchError", "__name__", "Any", "", "a b"])
def test_no_name_of_an_error_is_more_than_a_name(kind):
    assert isinstance(bounded(JobError(kind, "text", "")), Exception)


def test_an_answer_that_can_not_be_read_is_an_error_of_the_job():
    with pytest.raises(InvalidAnswerError, match="can't be read"):
        ended(b"not a pickle")


@pytest.mark.skipif(sys.platform != "linux", reason="jobs share a process elsewhere")
@pytest.mark.parametrize(
    ("does", "text"),
    [
        ("writes_noise", "its text is cut off, or too long"),
        ("writes_deep_json", "it is broken (maximum recursion depth exceeded"),
        ("writes_nothing", "it is neither a value nor an error"),
        ("gives_text", "'1' where <class 'int'> is expected"),
        ("gives_half_a_surrogate", "text with half of a surrogate pair"),
        ("gives_a_number_without_end", "a number that is not finite"),
        ("gives_an_integer_of_a_thousand_bits", "an integer of more than 64 bits"),
    ],
)
def test_whatever_a_job_writes_costs_the_job_alone(workers, jobs, does, text):
    with pytest.raises(InvalidAnswerError, match="the answer of a job can't be read: ") as caught:
        outcome_of(workers.submit(getattr(jobs, does)), 20.0)
    assert text in str(caught.value)
    assert len(str(caught.value)) <= 600
    assert outcome_of(workers.submit(jobs.add, 2, 3), 20.0) == 5


@pytest.mark.skipif(sys.platform != "linux", reason="jobs share a process elsewhere")
def test_a_pickle_that_a_job_writes_is_not_opened(workers, jobs, tmp_path):
    with pytest.raises(InvalidAnswerError, match="can't be read"):
        outcome_of(workers.submit(jobs.writes_a_pickle, str(tmp_path / "opened")), 20.0)
    assert not (tmp_path / "opened").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="jobs share a process elsewhere")
def test_three_gigabytes_are_not_read(workers, jobs):
    with pytest.raises(InvalidAnswerError, match="takes 3221225480 bytes; at most 1140850688 are"):
        outcome_of(workers.submit(jobs.says_three_gigabytes), 20.0)


@pytest.mark.skipif(sys.platform != "linux", reason="jobs share a process elsewhere")
def test_a_job_has_no_module_of_its_own_imported_into_its_worker(jobs):
    with LocalWorkers.open(1, seconds=20.0) as workers:
        assert outcome_of(workers.submit(jobs.has_a_module_imported, "antigravity"), 20.0) == 2
        assert not outcome_of(workers.submit(jobs.has_imported, "antigravity"), 20.0)


@pytest.mark.skipif(sys.platform != "linux", reason="jobs share a process elsewhere")
def test_what_a_worker_imports_for_its_next_jobs_leaves_torch_as_it_was(jobs):
    models = "recbole.model.sequential_recommender"  # it turns anomaly detection on
    pytest.importorskip("recbole")
    with LocalWorkers.open(1, seconds=60.0) as workers:
        assert outcome_of(workers.submit(jobs.has_a_module_imported, models), 60.0) == 2
        assert outcome_of(workers.submit(jobs.has_imported, models), 60.0)
        assert not outcome_of(workers.submit(jobs.detects_anomalies), 60.0)


@pytest.mark.skipif(sys.platform != "linux", reason="jobs share a process elsewhere")
def test_what_may_be_read_is_looked_for_once_whatever_a_job_tells(jobs, tmp_path):
    with LocalWorkers.open(1, seconds=20.0) as workers:
        found = [outcome_of(workers.submit(jobs.searches_for, str(tmp_path)), 20.0) for _ in "123"]
        assert found == [1, 0, 0]
        assert outcome_of(workers.submit(jobs.has_made_searches_up), 20.0) == 2
        assert outcome_of(workers.submit(jobs.searches_for, str(tmp_path)), 20.0) == 0


def test_errors_of_a_cluster_are_the_hosts():
    with pytest.raises(InvalidAnswerError, match="all gone"):
        ended(carried_out(_all_gone, ()))


def _all_gone():
    raise ClusterError("all gone")


@pytest.mark.skipif(sys.platform != "linux", reason="jobs share a process elsewhere")
def test_nothing_that_a_job_keeps_reaches_the_next_one(workers, jobs):
    assert [outcome_of(workers.submit(jobs.counts), 20.0) for _ in range(4)] == [1, 1, 1, 1]


def test_a_job_that_dies_is_tried_twice_and_says_how(workers, jobs, tmp_path):
    with pytest.raises(ChildProcessError, match=r"its worker process died \(exit status 3\)"):
        outcome_of(workers.submit(jobs.dies, str(tmp_path)), 20.0)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_job_that_died_once_has_its_value(workers, jobs, tmp_path):
    assert outcome_of(workers.submit(jobs.dies_once, str(tmp_path / "tried")), 20.0) == "alive"


def test_a_killed_worker_costs_its_own_job_which_is_tried_once_more(workers, jobs, tmp_path):
    slow = workers.submit(jobs.sleeps_once, str(tmp_path / "pids"))
    other = workers.submit(jobs.sleeps_a_second)
    while not (tmp_path / "pids").exists() or not (tmp_path / "pids").read_text().endswith("\n"):
        time.sleep(0.05)
    for pid in (tmp_path / "pids").read_text().split():  # the worker, too, if it is another
        os.kill(int(pid), signal.SIGKILL)
    assert outcome_of(other, 20.0) == "rested"
    assert outcome_of(slow, 20.0) == "rested"


@pytest.mark.slow
def test_thirty_kills_cost_no_job_but_their_own(workers, jobs, tmp_path):
    futures = [workers.submit(jobs.tells_its_process, str(tmp_path), n) for n in range(40)]
    stop = threading.Event()

    def kill():
        killed = 0
        while killed < 30 and not stop.is_set():
            for file in tmp_path.glob("*.pid"):
                told = file.read_text().split()
                file.unlink()
                if told:
                    os.kill(int(told[killed % 2]), signal.SIGKILL)
                    killed += 1
            time.sleep(0.05)

    killer = threading.Thread(target=kill)
    killer.start()
    outcomes = [future.exception() or future.result() for future in futures]
    stop.set()
    killer.join()
    for n, outcome in enumerate(outcomes):
        died = isinstance(outcome, ChildProcessError)
        assert died or outcome == n


def test_a_job_over_its_limit_is_ended_and_the_next_one_runs(jobs):
    with LocalWorkers.open(1, seconds=1.0) as workers:
        began = time.monotonic()
        slept, added = workers.submit(time.sleep, 600), workers.submit(jobs.add, 1, 1)
        with pytest.raises(TimeoutError, match="ended at its time limit of 1 s"):
            outcome_of(slept, 1.0)
        assert outcome_of(added, 1.0) == 2
        assert time.monotonic() - began < 60


class NoProcess:
    """In place of a process that the system refuses to start."""

    def __init__(self, error):
        self.error = error

    def __call__(self, **ignored):
        return self

    def start(self):
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        BlockingIOError(11, "Resource temporarily unavailable"),
        AssertionError("daemonic processes are not allowed to have children"),
    ],
)
def test_a_worker_that_can_not_be_started_is_nobodys_job(jobs, monkeypatch, error):
    monkeypatch.setattr(multiprocessing.get_context("spawn"), "Process", NoProcess(error))
    with (
        LocalWorkers.open(1, seconds=20.0) as workers,
        pytest.raises(
            WorkerError, match=f"can't be started here: .*{re.escape(str(error))}.*fewer workers"
        ),
    ):
        outcome_of(workers.submit(jobs.add, 1, 1), 20.0)


def test_a_worker_whose_torch_is_broken_says_so(jobs, monkeypatch, tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise OSError('libtorch.so is no library')")
    monkeypatch.syspath_prepend(tmp_path)  # a spawned worker is given the host's
    needed = ["loki_bench.attackers.loki.attacker"]
    with (
        LocalWorkers.open(1, seconds=20.0, modules=needed) as workers,
        pytest.raises(WorkerError, match=r"it can't import torch: OSError: libtorch.so is no lib"),
    ):
        outcome_of(workers.submit(jobs.add, 1, 1), 20.0)
    with LocalWorkers.open(1, seconds=20.0) as workers:  # whose jobs have no use for it
        assert outcome_of(workers.submit(jobs.add, 1, 1), 20.0) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="jobs share a process elsewhere")
def test_a_worker_has_what_its_jobs_need_imported_and_nothing_else(jobs):
    pytest.importorskip("recbole")
    # this project's own alone; importing it leaves torch as it was
    needed = ["loki_bench_recbole.bprmf", "antigravity"]
    with LocalWorkers.open(1, seconds=60.0, modules=needed) as workers:
        assert outcome_of(workers.submit(jobs.has_imported, needed[0]), 60.0)
        assert not outcome_of(workers.submit(jobs.has_imported, needed[1]), 60.0)
        assert not outcome_of(workers.submit(jobs.detects_anomalies), 60.0)
    with LocalWorkers.open(1, seconds=60.0) as workers:
        assert not outcome_of(workers.submit(jobs.has_imported, "torch"), 60.0)


def test_a_worker_that_ends_before_it_can_take_a_job_is_started_thrice(jobs, monkeypatch):
    starts = []

    def ended_at_once(worker):
        starts.append(worker)
        ours, theirs = multiprocessing.Pipe()
        theirs.close()
        return ours

    monkeypatch.setattr(Worker, "_start", ended_at_once)
    with (
        LocalWorkers.open(1, seconds=20.0) as workers,
        pytest.raises(WorkerError, match="it ended before it could take a job"),
    ):
        outcome_of(workers.submit(jobs.add, 1, 1), 20.0)
    assert len(starts) == 3


def test_a_worker_that_can_not_copy_itself_is_nobodys_job(jobs, monkeypatch):
    def refused():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refused)
    said, _ = job_process._in_a_copy(None, jobs.add, (1, 1))
    assert bytes(said).startswith(job_process.UNABLE + b"it can't copy itself for a job: Blocking")


def test_threads_that_can_not_be_started_are_told_in_a_sentence(monkeypatch):
    def refused(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    with (
        pytest.raises(WorkerError, match=r"3 worker processes can't .*: can't start new thread"),
        LocalWorkers.open(3, seconds=20.0),
    ):
        pass


def test_workers_that_are_open_at_once_leave_the_surroundings_as_they_were(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr(module, "_surroundings", type(module._surroundings)())  # none are open
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "__file__", "script.py", raising=False)

    def seen():
        return os.environ["OMP_NUM_THREADS"], main.__file__

    first, second = ExitStack(), ExitStack()
    first.enter_context(LocalWorkers.open(1, seconds=9.0))
    second.enter_context(LocalWorkers.open(1, seconds=9.0))
    assert seen() == ("1", None)
    first.close()
    assert seen() == ("1", None)  # the others may still start processes
    second.close()
    assert seen() == ("3", "script.py")


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
@pytest.mark.parametrize("does", ["sleeps_once", "lets_no_thread_run"])
def test_workers_that_are_closed_leave_nothing_running(jobs, tmp_path, does):
    with LocalWorkers.open(1, seconds=60.0) as workers:
        workers.submit(getattr(jobs, does), str(tmp_path / "pids"))
        while not (tmp_path / "pids").exists() or not (tmp_path / "pids").read_text():
            time.sleep(0.05)
    end = time.monotonic() + 10
    for pid in (tmp_path / "pids").read_text().split():
        while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
            time.sleep(0.05)
        assert not Path(f"/proc/{pid}").exists()
