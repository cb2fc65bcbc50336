"""Cells run in workers; each ends in a record, whatever its components do."""

from dataclasses import replace

import numpy as np
import pytest

from loki_bench.engine.workers import LocalWorkers
from loki_bench.errors import RejectedError
from loki_bench.interactions import Sequences
from loki_bench.pipeline import craft as crafting
from loki_bench.pipeline import retrain, surrogate
from loki_bench.pipeline.craft import PoisonCodec, craft
from loki_bench.pipeline.dataset import load_split, write_dataset
from loki_bench.pipeline.retrain import VictimRanksCodec, evaluate
from loki_bench.pipeline.training_data import TrainingData
from loki_bench.records.schema import Record
from loki_bench.records.store import Store
from loki_bench.split import SplitBounds


def records(store, prepared):
    return [store.record(cell.id) for cell in prepared.grid.cells]


def test_every_cell_gets_a_record_with_metrics_and_canary(prepared, tmp_path, run):
    suite = prepared(attackers=["none", "random"])
    store, _ = run(suite, tmp_path)
    for record in records(store, suite):
        assert record.status == "ok"
        assert [metric.label for metric in record.metrics] == ["display_rate@5", "hr@5"]
        # 5 places for 3 targets; nothing bounds a hit rate but its range
        assert [metric.ceiling for metric in record.metrics] == [1.0, None]
        from_fakes = record.canary.training_samples_from_fake_users
        if record.cell.attacker.name == "none":
            assert from_fakes == 0
        else:
            assert from_fakes == record.spent.events == 12 * 5


def test_a_record_holds_the_lengths_of_sequences_before_and_injected(prepared, tmp_path, run):
    suite = prepared(attackers=["none", "random"], seeds=[0])
    none, random = records(run(suite, tmp_path)[0], suite)
    events = np.diff(suite.interactions.offsets)
    train = np.where(events >= 3, events - 2, events)  # the last two events are held out
    expected = {n: int((train == n).sum()) for n in set(train.tolist())}
    assert (none.lengths.genuine, none.lengths.fake) == (expected, {})
    assert (random.lengths.genuine, random.lengths.fake) == (expected, {5: 12})


def test_a_second_run_has_nothing_to_do(prepared, tmp_path, run):
    suite = prepared()
    run(suite, tmp_path)
    _, lines = run(suite, tmp_path)
    assert lines == []


def test_two_runs_write_the_same_bytes(prepared, tmp_path, run, files):
    suite = prepared(attackers=["none", "random", "covisit", "asks-surrogates"])
    first, _ = run(suite, tmp_path / "a")
    second, _ = run(suite, tmp_path / "b")
    assert files(first) == files(second)


def test_no_attack_is_the_clean_victim_bit_for_bit(prepared, tmp_path, run):
    suite = prepared(attackers=["none"], seeds=[3])
    [cell] = suite.grid.cells
    store, _ = run(suite, tmp_path)
    data = write_dataset(store, suite.interactions, suite.dataset.fingerprint)
    apart = evaluate(data, cell, TrainingData.undefended(Sequences.empty())).value
    [record] = records(store, suite)
    stored = store.read(VictimRanksCodec(), record.artefacts.ranks)
    np.testing.assert_array_equal(stored.target_ranks, apart.target_ranks)
    np.testing.assert_array_equal(stored.test_ranks, apart.test_ranks)


@pytest.mark.parametrize(
    ("attacker", "status", "reason"),
    [
        ("one-too-many-users", "rejected", "wrote 13 fake users; the budget is 12"),
        ("one-too-many-events", "rejected", "gave fake user 0 6 events; the budget is 5"),
        ("past-the-catalogue", "rejected", "used item 30; the catalogue is 0 to 29"),
        ("rubbish", "rejected", "returned list; expected loki_bench Sequences"),
        ("raises", "failed", "attacker 'raises' raised RuntimeError: no idea what to do"),
    ],
)
def test_an_attack_that_breaks_the_rules_costs_its_own_cell(
    prepared, tmp_path, attacker, status, reason, run
):
    suite = prepared(attackers=[attacker, "random"], seeds=[0])
    store, lines = run(suite, tmp_path)
    assert sorted(lines) == sorted([(attacker, status), ("random", "ok")])
    broken, good = records(store, suite)
    assert (broken.status, good.status) == (status, "ok")
    assert reason in broken.reason
    assert "metrics" not in broken


@pytest.mark.parametrize(
    ("victim", "reason"),
    [
        ("answers-nan", "'answers-nan' answered score_next with NaN or infinity"),
        ("ignores-new-users", "the poison never reached victim 'ignores-new-users': 12 fake users"),
    ],
)
def test_a_victim_that_can_not_be_believed_fails_its_cell(prepared, tmp_path, victim, reason, run):
    suite = prepared(victims=[victim], attackers=["random"], seeds=[0])
    store, _ = run(suite, tmp_path)
    [record] = records(store, suite)
    assert record.status == "failed"
    assert reason in record.reason


def test_a_metric_outside_its_range_fails_its_cell(prepared, tmp_path, run):
    suite = prepared(metrics=["out-of-range"], attackers=["none"], seeds=[0])
    store, _ = run(suite, tmp_path)
    [record] = records(store, suite)
    assert "metric 'out-of-range' answered 2.0; expected a float from 0.0 to 1.0" in (record.reason)


def test_a_metric_that_is_infinite_fails_its_cell_and_no_other(
    prepared, tmp_path, run, monkeypatch
):
    from toy_plugin import components

    monkeypatch.setattr(
        components, "spread", lambda outcome: float("inf") if len(outcome.poison) else 3.0
    )
    suite = prepared(metrics=["spread"], seeds=[0])
    store, lines = run(suite, tmp_path)
    assert sorted(lines) == [("none", "ok"), ("random", "failed")]
    [broken] = [r for r in records(store, suite) if r.status == "failed"]
    assert broken.reason == (
        "metric 'spread' answered inf; expected a float from 0.0 to inf, infinity left out, or nan "
        "where it is undefined"
    )


@pytest.mark.parametrize("work", ["retrain.evaluate", "measure.measure"])
def test_who_is_no_attack_and_does_what_it_may_not_has_failed(
    prepared, tmp_path, monkeypatch, run, work
):
    def refused(*arguments):
        raise RejectedError("it was refused what it tried")

    monkeypatch.setattr(f"loki_bench.pipeline.{work}", refused)
    suite = prepared(attackers=["random"], seeds=[0])
    store, _ = run(suite, tmp_path)
    [record] = records(store, suite)
    assert (record.status, record.reason) == ("failed", "it was refused what it tried")


def test_failed_cells_are_run_again_only_when_asked_for(prepared, tmp_path, run):
    suite = prepared(attackers=["raises"], seeds=[0])
    run(suite, tmp_path)
    assert run(suite, tmp_path)[1] == []
    assert run(suite, tmp_path, retry_failed=True)[1] == [("raises", "failed")]


def test_a_metric_added_later_needs_no_training(prepared, tmp_path, monkeypatch, run):
    run(prepared(), tmp_path)
    monkeypatch.setattr("loki_bench.pipeline.retrain.evaluate", None)
    more = prepared(metrics=["display_rate@5", "hr@5", "target_rank"])
    store, lines = run(more, tmp_path)
    assert len(lines) == 4
    assert all(record.metric("target_rank") for record in records(store, more))


@pytest.fixture
def calls(monkeypatch):
    """How often each kind of work was done."""
    calls = {"fit_surrogate": 0, "craft": 0, "evaluate": 0}
    for name, module in zip(calls, (surrogate, crafting, retrain), strict=True):
        real = getattr(module, name)

        def counted(*arguments, _real=real, _name=name):
            calls[_name] += 1
            return _real(*arguments)

        monkeypatch.setattr(module, name, counted)
    return calls


def test_a_stored_poison_is_not_preceded_by_surrogates(prepared, tmp_path, run, calls, files):
    # two cells of one attack: one poison is kept, the other one is lost with its surrogates
    suite = prepared(attackers=["asks-surrogates"], seeds=[0, 1])
    store, _ = run(suite, tmp_path)
    before = files(store)
    kept, lost = suite.grid.cells
    for folder in ("records", "artefacts/ranks", "work/surrogates"):
        for path in (tmp_path / folder).iterdir():
            path.unlink()
    [poison] = (tmp_path / "artefacts").rglob(f"*{lost.craft_id}*")
    poison.unlink()
    calls.update(fit_surrogate=0, craft=0, evaluate=0)
    run(suite, tmp_path)
    assert calls == {"fit_surrogate": len(lost.surrogates), "craft": 1, "evaluate": 4}
    assert files(store) == before
    assert store.read(PoisonCodec(), kept.craft_id) is not None


def test_work_that_cells_share_is_done_once(prepared, tmp_path, run, calls):
    suite = prepared(
        victims=["counts", "follows"],
        attackers=["none", "random", "asks-surrogates"],
        simulator="all",
        seeds=[0],
    )
    run(suite, tmp_path)
    # two surrogates; three poisons for two victims; two clean victims (`none` is one of them)
    # and two attacks on each
    assert calls == {"fit_surrogate": 2, "craft": 3, "evaluate": 6}


@pytest.mark.parametrize("isolation", ["process", "in-process"])
def test_an_attack_prepares_once_for_all_shares_of_fake_users(
    prepared, tmp_path, monkeypatch, run, isolation
):
    asked = []
    real = crafting.prepare
    monkeypatch.setattr(crafting, "prepare", lambda *given: asked.append(given) or real(*given))
    suite = prepared(
        attackers=["prepares"],
        budget={"fake_users": [0.1, 0.2, 0.3], "actions": [2, 3]},
        seeds=[0],
        isolation=isolation,
    )
    store, lines = run(suite, tmp_path)
    assert lines == [("prepares", "ok")] * 6
    assert sorted(cell.budget.actions for _, cell, _ in asked) == [2, 3]
    poisons = [store.read(PoisonCodec(), cell.craft_id).poison for cell in suite.grid.cells]
    assert sorted(len(poison) for poison in poisons) == [6, 6, 12, 12, 18, 18]
    assert len({item for poison in poisons for item in poison.items.tolist()}) == 1


def test_a_preparation_that_is_no_plain_arrays_fails_its_cells(prepared, tmp_path, run):
    suite = prepared(attackers=["prepares-objects"], seeds=[0])
    store, lines = run(suite, tmp_path)
    assert lines == [("prepares-objects", "failed")]
    [record] = records(store, suite)
    assert "an array without Python objects" in record.reason


def test_an_attacker_sees_events_up_to_the_one_before_the_test_event(prepared, tmp_path, run):
    suite = prepared(attackers=["asks-surrogates"], seeds=[0])
    store, _ = run(suite, tmp_path)
    [record] = records(store, suite)
    tested = int((suite.interactions.lengths >= 3).sum())
    all_events = suite.interactions.n_events
    assert record.reports.attacker == {
        "surrogates": ["follows"],
        "samples": [all_events - 2 * tested],
        "events": all_events - tested,
    }


def test_what_an_attacker_is_shown_can_not_be_changed(prepared, tmp_path, run):
    suite = prepared(attackers=["random"], seeds=[0])
    store, _ = run(suite, tmp_path)
    data = write_dataset(store, suite.interactions, suite.dataset.fingerprint)
    history = load_split(data)[1].history
    with pytest.raises(ValueError, match="read-only"):
        history.items[0] = 1


def test_crafting_is_repeatable_outside_the_grid(prepared, tmp_path, run):
    suite = prepared(attackers=["covisit"], seeds=[0])
    store, _ = run(suite, tmp_path)
    [cell] = suite.grid.cells
    data = write_dataset(store, suite.interactions, suite.dataset.fingerprint)
    assert craft(data, cell, ()).value.poison == store.read(PoisonCodec(), cell.craft_id).poison


def test_workers_end_what_never_returns_and_survive_what_dies(prepared, tmp_path, run):
    suite = prepared(attackers=["sleeps", "dies", "random"], seeds=[0])
    with LocalWorkers.open(2, seconds=15.0) as workers:
        store, lines = run(suite, tmp_path, workers, seconds=15.0)
    assert sorted(lines) == [("dies", "failed"), ("random", "ok"), ("sleeps", "timeout")]
    slept, died, _ = records(store, suite)
    assert slept.reason == "attacker 'sleeps' ended at its time limit of 15 s"
    assert "its worker process died (exit status 3)" in died.reason


def test_one_and_two_workers_write_the_same_bytes_as_none(prepared, tmp_path, run, files):
    suite = prepared(victims=["counts", "follows"], attackers=["none", "covisit", "raises"])
    here, _ = run(suite, tmp_path / "here")
    for n in (1, 2):
        with LocalWorkers.open(n, seconds=60.0) as workers:
            there, _ = run(suite, tmp_path / str(n), workers)
        assert files(there) == files(here)


def test_times_and_machines_stay_out_of_records(prepared, tmp_path, run):
    suite = prepared(attackers=["random"], seeds=[0])
    store, _ = run(suite, tmp_path)
    [cell] = suite.grid.cells
    record = store.record(cell.id).to_text()
    beside = store.read_json("runs", cell.id)
    assert "seconds" not in record
    assert beside["timings"]["attack"]["wall_seconds"] >= 0
    assert beside["environment"]["threads_per_cell"] == 1


@pytest.mark.parametrize("goal", ["promote", "demote"])
def test_a_placebo_aims_at_other_items_and_is_measured_at_the_true_ones(
    prepared, tmp_path, run, goal
):
    protocol = {"n_targets": 3, "n_target_users": 10, "goal": goal}
    suite = prepared(
        attackers=["asks-surrogates"], seeds=[0], protocol=protocol, integrity_rows=True
    )
    store, _ = run(suite, tmp_path)
    _, attack, placebo = records(store, suite)
    assert attack.goal == placebo.goal
    targets = set(attack.goal.items)
    aimed_at = [
        set(store.read(PoisonCodec(), record.artefacts.poison).poison.items.tolist())
        for record in (attack, placebo)
    ]
    assert aimed_at[0] == targets  # this attack writes its targets and nothing else
    assert len(aimed_at[1]) == len(targets)
    assert not aimed_at[1] & targets
    assert placebo.spent.events_on_targets == 0
    assert placebo.reports.attacker == attack.reports.attacker
    assert placebo.artefacts.clean_ranks == attack.artefacts.clean_ranks


def test_workers_are_sent_a_split_and_repeats_that_are_allowed(prepared, tmp_path):
    suite = prepared(seeds=[0])
    lengths = suite.interactions.lengths
    bounds = SplitBounds(trained=lengths - 3, known=lengths - 2)
    data = write_dataset(
        Store(tmp_path, warn=print),
        suite.interactions,
        suite.dataset.fingerprint,
        bounds=bounds,
        repeats="allow",
    )
    interactions, split = load_split(data)
    assert interactions == suite.interactions
    assert split.train.lengths.tolist() == (lengths - 3).tolist()
    ends = interactions.offsets[1:][split.test.users]
    assert split.test.items.tolist() == interactions.items[ends - 2].tolist()
    assert split.repeats_are_shown
    assert data.folder.name == f"{suite.dataset.fingerprint}-{bounds.digest()[:16]}"


def test_values_of_another_version_of_a_third_partys_metric_are_measured_again(
    prepared, run, tmp_path
):
    suite = prepared(attackers=["none"], seeds=[0], metrics=["hr@5", "spread"])

    def origins(store):
        [record] = store.records(suite.grid.cells).values()
        assert Record.parse(record.to_json()) == record
        return [metric.origin for metric in record.metrics]

    store, _ = run(suite, tmp_path)
    assert origins(store) == [None, "toy-plugin 1.0"]
    assert run(suite, tmp_path)[1] == []
    own, theirs = suite.grid.metrics
    newer = replace(theirs, origin=replace(theirs.origin, version="2.0"))
    suite = replace(suite, grid=replace(suite.grid, metrics=(own, newer)))
    store, told = run(suite, tmp_path)
    assert told == [("none", "ok")]
    assert origins(store) == [None, "toy-plugin 2.0"]
    assert run(suite, tmp_path)[1] == []
