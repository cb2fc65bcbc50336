"""Workers are opened as they were asked for."""

import os

import pytest
from workers_here import Here

from loki_bench.engine.open_workers import open_workers
from loki_bench.engine.versions import needed_modules
from loki_bench.engine.workers import n_processors
from loki_bench.errors import UsageError


def test_workers_that_are_open_are_used_as_they_are():
    mine = Here()
    with open_workers(mine, seconds=1.0, warn=pytest.fail) as workers:
        assert workers is mine


def test_without_a_number_there_are_as_many_as_processors():
    with open_workers(None, seconds=60.0, warn=pytest.fail) as workers:
        assert workers.n_workers == n_processors() >= 1
        assert os.environ["OMP_NUM_THREADS"] == "1"


def test_torch_has_one_thread_in_a_worker_that_did_not_import_it_itself(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with open_workers(1, seconds=60.0, warn=pytest.fail) as workers:
        assert workers.submit(eval, "__import__('torch').get_num_threads()").result() == 1


def test_a_number_of_workers_and_a_cluster_exclude_each_other():
    with pytest.raises(UsageError, match="a cluster has its own"):
        open_workers(2, "tcp://127.0.0.1:1", seconds=1.0, warn=pytest.fail)


def test_a_worker_process_knows_nothing_of_the_hosts_script(tmp_path, monkeypatch):
    import sys

    main = sys.modules["__main__"]
    script = tmp_path / "script.py"
    script.write_text("raise RuntimeError('the script ran again')\n")
    monkeypatch.setattr(main, "__file__", str(script), raising=False)
    monkeypatch.setattr(main, "__spec__", None, raising=False)
    with open_workers(1, seconds=60.0, warn=pytest.fail) as workers:
        assert workers.submit(os.getpid).result() != os.getpid()
    assert main.__file__ == str(script)


def test_workers_import_what_is_this_projects_own_in_what_they_compute(prepared):
    cells, metrics = prepared().grid.cells, prepared().grid.metrics
    assert any(cell.victim.target.startswith("toy_plugin") for cell in cells)
    modules = needed_modules(cells, metrics)
    assert {"loki_bench.attackers.none", metrics[0].spec.target.partition(":")[0]} <= set(modules)
    assert all(name.startswith("loki_bench.") for name in modules)
    assert len(set(modules)) == len(modules)
