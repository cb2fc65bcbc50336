"""Workers are opened as they were asked for."""

import os

import pytest
from workers_here import Here

from loki_bench.engine.open_workers import open_workers
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
