"""A small leaderboard of the toy plugin, computed once, and a way to compute cells again."""

import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from made_up_records import with_cell
from workers_here import Here
from written_again import write_again

from loki_bench.audit.replay import Replay
from loki_bench.leaderboard.folder import (
    Acceptance,
    accepted_cells,
    write_accepted,
    write_leaderboard,
)
from loki_bench.leaderboard.plan import plan_of
from loki_bench.pipeline.cells import NoProgress, run_cells
from loki_bench.plugins.registry import discover
from loki_bench.records.manifest import Plugin, read_manifest
from loki_bench.records.store import Store
from loki_bench.suite.grid import chosen_metric
from loki_bench.suite.resolve import load_dataset, prepare
from loki_bench.suite.suite import Choice, Limits, Suite

TOYS = Path(__file__).parents[1] / "toys"

CONTENT = {
    "name": "toy",
    "summary": "Toys",
    "seeds": [0, 1, 2],
    "victims": ["counts"],
    "surrogates": ["counts", "follows"],
    "attackers": ["none", "random", "asks-surrogates", "raises"],
    "metrics": ["display_rate@5", "hr@5"],
    "dataset": "toy",
    "protocol": {"n_targets": 3, "n_target_users": 10},
    "isolation": "in-process",  # quick
    "budget": {"fake_users": 0.2, "actions": 5},
}


def replay_of(labels, cell, registry, workers=None):
    dataset, interactions = load_dataset(Choice(name="toy"), registry, download=False)
    return Replay(
        metrics=tuple(
            chosen_metric(registry, label, dataset.n_items, cell.protocol) for label in labels
        ),
        dataset=dataset,
        interactions=interactions,
        workers=workers or Here(),
        seconds=60.0,
        progress=NoProgress(),
    )


@contextmanager
def opened_here(labels, cell):
    yield replay_of(labels, cell, discover())


@pytest.fixture(scope="session", autouse=True)
def toys():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(TOYS)
        yield


def computed(folder, **changes):
    """Run a suite of toys into a folder and write its leaderboard."""
    prepared = prepare(Suite.model_validate({**CONTENT, **changes}), discover(), download=False)
    store = Store(folder, warn=print)
    cells = list(prepared.grid.cells)
    lacking = [cell for cell in cells if store.record(cell.id) is None]
    run_cells(
        lacking,
        prepared.grid.metrics,
        store=store,
        workers=Here(),
        interactions=prepared.interactions,
        limits=Limits(seconds=60.0),
        progress=NoProgress(),
    )
    records = store.records(cells)
    write_leaderboard(
        store,
        suite=prepared.suite.name,
        summary=prepared.suite.summary,
        metrics=prepared.suite.metrics,
        records=records,
        missing=[c.model_dump(mode="json") for c in cells if c.id not in records],
        plan=plan_of(prepared.suite, cells),
    )
    return folder


@pytest.fixture(scope="session")
def original(tmp_path_factory):
    """Computed once; tests get copies."""
    return computed(tmp_path_factory.mktemp("original") / "toy")


@pytest.fixture
def leaderboard(original, tmp_path):
    """A leaderboard folder of its own for a test to damage."""
    return Path(shutil.copytree(original, tmp_path / "toy"))


@pytest.fixture
def opened():
    return opened_here


@pytest.fixture
def compute():
    return computed


@pytest.fixture(scope="session")
def compute_here(toys):
    """The same for what is computed once."""
    return computed


@pytest.fixture
def with_fresh(leaderboard):
    """Puts the cells of some seeds under a fresh key beside a leaderboard's own, as `accept` does.

    Values are others: ``changed`` is given a record and gives another. Returns the folder.
    """

    def put(key, changed, seeds=(0, 1, 2), folder=leaderboard):
        store = Store(folder, warn=print)
        manifest = read_manifest(folder)
        records = {cell_id: store.record(cell_id) for cell_id in manifest.record_ids}
        fresh = []
        for record in [r for r in records.values() if r.status == "ok"]:
            if record.cell.seed in seeds and not record.cell.key:
                protocol = {**record.cell.protocol.model_dump(mode="json"), "key": key}
                fresh.append(changed(with_cell(record, protocol=protocol)))
        for record in fresh:
            store.write_record(record)
        plugin = Plugin(distribution="theirs", version="1", source_sha256="a" * 64)
        ids = tuple(record.id for record in fresh)
        accepted = Acceptance(
            plugin=plugin, cells=(), file_sha256="b" * 64, key=key, fresh=(), beside=ids
        )
        write_accepted(store, [*accepted_cells(folder), accepted])
        write_again(store, manifest, records, plan=manifest.plan)
        return folder

    return put
