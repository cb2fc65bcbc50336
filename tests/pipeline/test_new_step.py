"""A new kind of step is one new file and one import: run, planned, stored, found again, copied."""

from most_visited import ItemCodec, MostVisited
from toy_grid import Here

from loki_bench.engine.run import run_steps
from loki_bench.engine.schedule import chains, plan
from loki_bench.engine.step import steps_of
from loki_bench.pipeline.craft import PoisonCodec
from loki_bench.pipeline.dataset import write_dataset
from loki_bench.records.store import Store


class Counting(Here):
    def __init__(self):
        super().__init__()
        self.jobs = []

    def submit(self, function, *arguments):
        self.jobs.append(function.__name__)
        return super().submit(function, *arguments)


def test_a_step_of_another_kind_is_run_planned_stored_and_copied(prepared, tmp_path):
    suite = prepared(attackers=["random"], seeds=[0])
    [cell] = suite.grid.cells
    store = Store(tmp_path / "store", warn=print, fallback_stores=[])
    step = MostVisited(write_dataset(store, suite.interactions, suite.dataset.fingerprint), cell)

    assert [(work.name, work.n_steps) for work in plan([step], store).work] == [
        ("craft of random", 1),
        ("the counting of visits", 1),
    ]
    assert chains(steps_of(step), {})[step.key] == 7.0  # what it assumes itself

    found, logs, costs = {}, [], {}

    def ended(step, results):
        found[step.key] = results.of(step)
        costs.update(results.costs)

    for _ in range(2):
        workers = Counting()
        run_steps(
            [step],
            store=store,
            workers=workers,
            seconds=60.0,
            on_end=ended,
            working_on=list,
        )
        logs.append(workers.jobs)
    assert logs == [["craft", "most_visited"], []]
    assert len(costs) == 2
    assert all(timed.value is None for timed in costs.values())  # it may take a gigabyte

    poison = store.read(PoisonCodec(), cell.craft_id).poison
    items = poison.items.tolist()
    assert found == {step.key: min(sorted(set(items)), key=lambda item: -items.count(item))}
    assert plan([step], store).work == ()

    ids = {step.artefact: poison.digest()}
    other = Store(tmp_path / "other", warn=print)
    assert other.copy_artefacts(ids, store)
    assert other.read(ItemCodec(), poison.digest()) == found[step.key]
    beside = Store(tmp_path / "beside", warn=print, fallback_stores=[store.folder])
    beside.adopt(ids)
    assert (tmp_path / "beside" / "artefacts" / "visits" / f"{poison.digest()}.npz").exists()
