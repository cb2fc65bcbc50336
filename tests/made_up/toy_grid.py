"""Small suites of the toy plugin, importable here and in the workers that tests start."""

from pathlib import Path

import pytest
from workers_here import Here

from loki_bench.pipeline.cells import run_cells
from loki_bench.plugins.registry import discover
from loki_bench.records.missing import missing_cells
from loki_bench.records.store import Store
from loki_bench.suite.resolve import prepare
from loki_bench.suite.suite import Limits, Suite

TOYS = Path(__file__).parents[1] / "toys"

__all__ = ["files", "prepared", "run", "toys"]

CONTENT = {
    "name": "toy",
    "seeds": [0, 1],
    "victims": ["counts"],
    "surrogates": ["counts", "follows"],
    "attackers": ["none", "random"],
    "metrics": ["display_rate@5", "hr@5"],
    "dataset": "toy",
    "protocol": {"n_targets": 3, "n_target_users": 10},
    "budget": {"fake_users": 0.2, "actions": 5},
    "integrity_rows": False,
    "isolation": "in-process",  # quick; the referee's own tests ask for processes
}


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    monkeypatch.syspath_prepend(TOYS)  # spawned workers are given the host's sys.path


@pytest.fixture
def prepared():
    """Prepare a suite of toys; keyword arguments replace its keys."""

    def make(**changes):
        suite = Suite.model_validate({**CONTENT, **changes})
        return prepare(suite, discover(), download=False)

    return make


class Silent:
    """Progress that only remembers."""

    def __init__(self):
        self.lines = []

    def started(self, n_cells):
        self.n_cells = n_cells

    def working_on(self, what):
        list(what)

    def finished(self, cell, status, reason):
        self.lines.append((cell.attacker.name, status))


def run_grid(
    prepared,
    folder,
    workers=None,
    *,
    cells=None,
    retry_failed=False,
    seconds=60.0,
    memory_gib=8.0,
    fallback_stores=(),
):
    """Run what a store lacks; returns the store and what progress was told."""
    store = Store(folder, warn=print, fallback_stores=fallback_stores)
    missing = missing_cells(
        prepared.grid, store.records(prepared.grid.cells), retry_failed=retry_failed
    )
    progress = Silent()
    run_cells(
        missing if cells is None else cells,
        prepared.grid.metrics,
        store=store,
        workers=workers or Here(),
        interactions=prepared.interactions,
        bounds=prepared.bounds,
        limits=Limits(seconds=seconds, memory_gib=memory_gib),
        progress=progress,
    )
    return store, progress.lines


def written_files(store):
    """Everything that must be the same bytes on every run."""
    kept = ("records", "artefacts")
    return {
        str(p.relative_to(store.folder)): p.read_bytes()
        for kind in kept
        for p in (store.folder / kind).rglob("*")
        if p.is_file()
    }


@pytest.fixture
def run():
    return run_grid


@pytest.fixture
def files():
    return written_files
