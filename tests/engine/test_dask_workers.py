"""A real Dask scheduler with workers of its own on loopback: the same bytes as on one machine."""

import os
import signal
import sys
import time
from threading import Thread

import pytest

pytest.importorskip("distributed")

from loki_bench.engine import dask_job, dask_workers
from loki_bench.engine.dask_workers import DaskWorkers
from loki_bench.engine.versions import differences, needed_versions
from loki_bench.errors import ClusterError


def wait_for(condition, seconds=300.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def opened(address, suite, *, seconds=600.0):
    versions = needed_versions(suite.grid)
    return DaskWorkers.open(address, seconds=seconds, versions=versions, warn=print)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_killed_in_the_middle_costs_no_cell_and_no_byte(
    dask_cluster, prepared, tmp_path, run, files
):
    marker = tmp_path / "in-the-middle"
    suite = prepared(
        victims=["counts", {"name": "waits-once", "parameters": {"marker": str(marker)}}],
        attackers=["none", "asks-surrogates", "raises"],
        seeds=[0],
    )
    killed = []

    def kill_the_worker():
        wait_for(marker.exists)
        worker, process = map(int, marker.read_text().split())
        os.kill(worker, signal.SIGKILL)
        killed.append(process)

    killer = Thread(target=kill_the_worker)
    with opened(dask_cluster, suite) as workers:
        killer.start()
        there, lines = run(suite, tmp_path / "there", workers)
    killer.join()
    [process] = killed
    wait_for(lambda: not is_alive(process))  # a killed worker's own processes end with it

    here, _ = run(suite, tmp_path / "here")
    assert sorted(status for _, status in lines) == ["failed"] * 2 + ["ok"] * 4
    assert files(there) == files(here)


def test_a_job_over_its_time_is_ended_and_the_worker_goes_on(dask_cluster, prepared, tmp_path, run):
    suite = prepared(attackers=["sleeps"], seeds=[0])
    with opened(dask_cluster, suite, seconds=5.0) as workers:
        store, lines = run(suite, tmp_path, workers, seconds=5.0)
        assert lines == [("sleeps", "timeout")]
        assert workers.submit(pow, 2, 5).result(timeout=60.0) == 32
    [record] = store.records(suite.grid.cells).values()
    assert record.reason == "attacker 'sleeps' ended at its time limit of 5 s"


@pytest.mark.slow
def test_a_third_partys_victim_is_confined_on_a_cluster_as_it_is_here(
    dask_cluster, prepared, tmp_path, run, files
):
    suite = prepared(
        victims=["counts", "answers-nan"], attackers=["none"], seeds=[0], isolation="process"
    )
    with opened(dask_cluster, suite) as workers:
        there, lines = run(suite, tmp_path / "there", workers)
    here, _ = run(suite, tmp_path / "here")
    assert sorted(lines) == [("none", "failed"), ("none", "ok")]
    assert files(there) == files(here)
    told = [there.read_json("runs", cell.id)["timings"]["clean"] for cell in suite.grid.cells]
    assert [clean["isolation"] for clean in told if clean is not None] == ["process"]


def test_workers_with_other_versions_are_named_before_any_work(dask_cluster, prepared):
    suite = prepared()
    versions = {**needed_versions(suite.grid), "toy-plugin": "2.0", "loki-bench-nowhere": "1"}
    with (
        pytest.raises(ClusterError) as refused,
        DaskWorkers.open(dask_cluster, seconds=9.0, versions=versions, warn=print),
    ):
        pytest.fail("it opened")
    said = str(refused.value)
    assert "no loki-bench-nowhere (this run needs 1)" in said
    assert "toy-plugin 1.0 (this run needs 2.0)" in said
    assert "install the same distributions on every worker" in said


def test_the_processes_of_a_worker_have_imported_what_jobs_need(dask_cluster):
    needed = ["loki_bench.attackers.popular"]
    asked = f"{needed[0]!r} in __import__('sys').modules"
    with DaskWorkers.open(
        dask_cluster, seconds=9.0, versions={}, modules=needed, warn=pytest.fail
    ) as workers:
        assert workers.submit(eval, asked).result(timeout=60.0)
    with DaskWorkers.open(dask_cluster, seconds=9.0, versions={}, warn=pytest.fail) as workers:
        assert not workers.submit(eval, asked).result(timeout=60.0)


def test_other_numerical_packages_are_told_of(dask_cluster, prepared, monkeypatch):
    monkeypatch.setattr(dask_workers, "NUMERICAL", ("numpy",))
    monkeypatch.setattr(dask_workers, "installed", lambda name: "0.1")
    told = []
    versions = needed_versions(prepared().grid)
    with DaskWorkers.open(dask_cluster, seconds=9.0, versions=versions, warn=told.append):
        pass
    assert told
    assert all("(this run needs 0.1): its results may differ in their last bits" in t for t in told)


def test_without_a_scheduler_the_error_says_so(monkeypatch):
    monkeypatch.setattr(dask_workers, "CONNECT_SECONDS", 0.3)
    with (
        pytest.raises(ClusterError, match=r"no Dask scheduler answers at 'tcp://127\.0\.0\.1:1'"),
        DaskWorkers.open("tcp://127.0.0.1:1", seconds=1.0, versions={}, warn=print),
    ):
        pytest.fail("it opened")


def test_what_is_no_address_is_refused_at_once():
    with (
        pytest.raises(ClusterError, match=r"--scheduler 'nonsense': expected an address such as"),
        DaskWorkers.open("nonsense", seconds=1.0, versions={}, warn=print),
    ):
        pytest.fail("it opened")


def test_without_dask_the_error_says_what_to_type(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(ClusterError, match=r"pip install 'loki-bench\[dask\]'"),
        DaskWorkers.open("tcp://127.0.0.1:1", seconds=1.0, versions={}, warn=print),
    ):
        pytest.fail("it opened")


def test_differences_are_told_by_name():
    wanted = {"b": "2", "a": "1", "c": "3"}
    assert differences(wanted, dict(wanted)) == ""
    assert differences(wanted, {"a": "1", "b": "1", "c": None}) == (
        "b 1 (this run needs 2), no c (this run needs 3)"
    )


class LostClient:
    """A client whose scheduler is gone, as Dask has it: every call raises what it likes."""

    class scheduler:  # noqa: N801  # as Dask calls it
        address = "tcp://10.0.0.1:8786"

    def __init__(self):
        self.known = {"a": 2, "b": 3}

    def nthreads(self):
        if self.known is None:
            raise OSError("Timed out trying to connect")
        return self.known

    def submit(self, *arguments, **options):
        raise RuntimeError("cannot schedule new futures after shutdown")

    def run(self, *arguments, **options):
        raise OSError("in <TCP (closed)>: Stream is closed")


def test_a_scheduler_that_is_lost_is_told_in_a_sentence():
    client = LostClient()
    workers = DaskWorkers(client, seconds=1.0, versions={})
    assert workers.n_workers == 5
    client.known = None
    assert workers.n_workers == 5
    gone = r"the Dask scheduler at tcp://10\.0\.0\.1:8786 no longer answers"
    with pytest.raises(ClusterError, match=gone):
        workers.submit(pow, 2, 5)
    with pytest.raises(ClusterError, match=gone):
        dask_workers._require_versions(client, {"loki-bench": "1"}, print)


def test_a_timer_that_runs_out_while_a_job_begins_ends_nothing():
    job = dask_job.Job(run="r", function=pow, arguments=(2, 5), seconds=9.0, versions={})
    with dask_job._processes(job, 1) as workers:
        processes = dask_job._runs["r"]
    assert processes.idle is not None
    with dask_job._processes(job, 1) as again:
        dask_job._end_idle(processes)  # it ran out before it could be cancelled
        assert again is workers
        assert dask_job._runs == {"r": processes}
    dask_job._end_idle(processes)
    assert dask_job._runs == {}
    dask_job._end_idle(processes)  # once more does no harm
