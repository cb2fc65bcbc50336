"""Attackers are crossed with defenses; a defense sees what it may, and its cells are shared."""

import numpy as np
import pytest

from loki_bench.engine.workers import LocalWorkers
from loki_bench.errors import ParameterError, SuiteError, UnknownComponentError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.pipeline import craft, defend, retrain
from loki_bench.pipeline.defend import DefenseCodec
from loki_bench.pipeline.retrain import VictimRanksCodec
from loki_bench.pipeline.training_data import DefenseAnswer, TrainingData, shown_to_defense
from loki_bench.records.merge import merge
from loki_bench.records.store import Store
from loki_bench.split import leave_one_out

METRICS = [
    "display_rate@5",
    "hr@5",
    "hr_change@5",
    "clean_hr_lost@5",
    "clean_ndcg_lost@5",
    "detection_precision",
    "detection_recall",
    "detection_auc",
    "false_positive_rate",
]


def by_pair(store, suite):
    records = [store.record(cell.id) for cell in suite.grid.cells]
    return {
        (r.cell.attacker.name, r.cell.defense.name if r.cell.defense else "none"): r
        for r in records
    }


def test_the_grid_is_attackers_times_defenses_times_victims(prepared):
    cells = prepared(victims=["counts", "follows"], defenses=["none", "drops-long"]).grid.cells
    assert len(cells) == 2 * 2 * 2 * 2
    assert len({cell.id for cell in cells}) == len(cells)


def test_without_a_defense_ids_are_those_of_a_suite_that_names_none(prepared):
    plain = prepared().grid.cells
    named = prepared(defenses=["none"]).grid.cells
    assert [cell.id for cell in plain] == [cell.id for cell in named]
    assert all(cell.defense is None for cell in named)


@pytest.mark.parametrize(
    ("defense", "error", "message"),
    [
        ("drops-lon", UnknownComponentError, "did you mean 'drops-long'"),
        ({"name": "none", "parameters": {"x": 1}}, SuiteError, "'none' takes no parameter 'x'"),
        ({"name": "drops-long", "parameters": {"x": 1}}, ParameterError, "takes no parameter 'x'"),
    ],
)
def test_a_defense_that_can_not_be_built_is_refused(prepared, defense, error, message):
    with pytest.raises(error, match=f"suite 'toy': .*{message}"):
        prepared(defenses=[defense])


def test_a_defense_that_finds_all_fake_users_gives_the_clean_victim_bit_for_bit(
    prepared, tmp_path, run
):
    suite = prepared(
        victims=["follows"],
        attackers=["none", "random"],
        defenses=["none", "drops-jumpers"],
        metrics=METRICS,
        seeds=[0],
    )
    store, _ = run(suite, tmp_path)
    found = by_pair(store, suite)
    clean, cured = found["none", "none"], found["random", "drops-jumpers"]
    assert cured.artefacts.ranks == clean.artefacts.ranks
    assert cured.value("display_rate@5") == clean.value("display_rate@5")
    undefended = found["random", "none"]
    assert undefended.value("display_rate@5") > cured.value("display_rate@5")
    assert cured.value("detection_precision") == 1.0
    assert cured.value("detection_recall") == 1.0
    assert cured.value("detection_auc") == 1.0
    assert cured.value("false_positive_rate") == cured.value("clean_hr_lost@5") == 0.0
    assert cured.canary.training_samples_from_fake_users == 0
    assert cured.defense.fake_users_kept == 0
    assert cured.defense.report["most_jumps"] > 0
    assert cured.defense.clean_report == {"most_jumps": 0.0}


def test_genuine_users_that_a_defense_drops_are_still_ranked_and_counted(prepared, tmp_path, run):
    suite = prepared(
        victims=["follows"],
        attackers=["none", "random"],
        defenses=["drops-long"],
        metrics=METRICS,
        seeds=[0],
    )
    store, _ = run(suite, tmp_path)
    found = by_pair(store, suite)
    split = leave_one_out(suite.interactions)
    n_long = int((split.train.lengths > 4).sum())
    assert 0 < n_long < 60
    for attacker in ("none", "random"):
        record = found[attacker, "drops-long"]
        assert record.defense.clean_users_dropped == n_long
        assert record.value("false_positive_rate") == pytest.approx(n_long / 60)
        ranks = store.read(VictimRanksCodec(), record.artefacts.ranks)
        assert len(ranks.test_ranks) == len(split.test)
        assert record.value("clean_hr_lost@5") > 0  # transitions of long users are unknown
        assert record.value("detection_auc") is None  # it says nothing of suspicion
    # the poison of five events a user is dropped as well: the clean defended victim is left
    ids = found["random", "drops-long"].artefacts
    assert ids.ranks == ids.clean_ranks != ids.undefended_clean_ranks
    assert found["none", "drops-long"].value("hr_change@5") == 0.0


def test_work_is_shared_by_what_a_victim_is_trained_on(prepared, tmp_path, monkeypatch, run):
    calls = {"craft": 0, "defend": 0, "evaluate": 0}
    for name, module in zip(calls, (craft, defend, retrain), strict=True):
        real = getattr(module, name)

        def counted(*arguments, _real=real, _name=name):
            calls[_name] += 1
            return _real(*arguments)

        monkeypatch.setattr(module, name, counted)
    suite = prepared(
        victims=["counts", "follows"],
        attackers=["none", "random"],
        defenses=["none", "drops-jumpers", "notes-what-it-sees"],
        seeds=[0],
    )
    run(suite, tmp_path)
    # `none` and `random` are crafted once; each defense judges the clean and the poisoned data;
    # drops-jumpers leaves the clean data and notes-what-it-sees the undefended poisoned data, so
    # each victim is trained twice
    assert calls == {"craft": 2, "defend": 4, "evaluate": 4}


def test_two_runs_write_the_same_bytes_in_processes_or_not(prepared, tmp_path, run, files):
    suite = prepared(defenses=["none", "drops-jumpers", "drops-long"], metrics=METRICS)
    here, _ = run(suite, tmp_path / "here")
    with LocalWorkers.open(2, seconds=60.0) as workers:
        there, _ = run(suite, tmp_path / "there", workers)
    assert files(here) == files(there)
    assert any("defense" in name for name in files(here))


@pytest.mark.parametrize(
    ("defense", "reason"),
    [
        ("drops-everybody", "defense 'drops-everybody' dropped all 60 users: no event is left"),
        ("changes-the-data", "defense 'changes-the-data' raised ValueError"),
    ],
)
def test_a_defense_that_breaks_the_rules_costs_its_own_cells(
    prepared, tmp_path, defense, reason, run
):
    suite = prepared(attackers=["random"], defenses=[defense, "none"], seeds=[0])
    store, _ = run(suite, tmp_path)
    found = by_pair(store, suite)
    assert found["random", defense].status == "failed"
    assert reason in found["random", defense].reason
    assert found["random", "none"].status == "ok"


def test_a_defense_that_never_returns_is_ended(prepared, tmp_path, run):
    suite = prepared(attackers=["random"], defenses=["defense-sleeps"], seeds=[0])
    with LocalWorkers.open(1, seconds=10.0) as workers:
        store, lines = run(suite, tmp_path, workers, seconds=10.0)
    assert lines == [("random", "timeout")]
    [record] = by_pair(store, suite).values()
    assert record.reason == "defense 'defense-sleeps' ended at its time limit of 10 s"


def test_a_defense_is_told_neither_who_is_fake_nor_how_many_they_are(prepared, tmp_path, run):
    # all twelve fake users have three events: in the host's order they are the last such rows
    suite = prepared(
        attackers=["random"],
        defenses=["notes-what-it-sees"],
        seeds=[0, 1, 2],
        budget={"fake_users": 0.2, "actions": 3},
    )
    store, _ = run(suite, tmp_path)
    for cell in suite.grid.cells:
        seen = store.record(cell.id).defense.report
        assert seen["user_tokens"] == 0  # only genuine users have one
        assert seen["first_of_last"] < 60


@pytest.mark.parametrize("isolation", ["process", "in-process"])
def test_in_a_process_of_its_own_a_defense_finds_nothing_of_the_host(
    prepared, tmp_path, run, isolation
):
    suite = prepared(
        attackers=["random"], defenses=["looks-for-the-host"], seeds=[0], isolation=isolation
    )
    store, _ = run(suite, tmp_path)
    [record] = by_pair(store, suite).values()
    found = record.defense.report["found"]
    assert (found == 0) == (isolation == "process")  # in the worker the search does find it


def test_the_order_shown_is_a_permutation_of_the_rows():
    rows = [[0], [1, 1], [], [2, 2, 2]]
    offsets = np.array([0, 1, 3, 3, 6])
    items = np.array([0, 1, 1, 2, 2, 2])
    train = Interactions(offsets, items, n_items=3, user_tokens=tuple("abcd"))
    shown, order = shown_to_defense(train, np.random.default_rng(1))
    assert sorted(order) == [0, 1, 2, 3]
    assert [row.tolist() for row in shown] == [rows[user] for user in order]
    assert shown.user_tokens == ()


def test_answers_are_kept_in_the_hosts_order(prepared, tmp_path, run):
    suite = prepared(attackers=["random"], defenses=["drops-jumpers"], seeds=[0])
    store, _ = run(suite, tmp_path)
    [record] = by_pair(store, suite).values()
    answer = store.read(DefenseCodec(), record.artefacts.defense)
    assert answer.kept.tolist() == [True] * 60 + [False] * 12
    assert (answer.suspicion[:60] == 0).all()
    assert (answer.suspicion[60:] > 0).all()


def test_dropped_users_keep_their_place_and_lose_their_events(prepared):
    split = leave_one_out(prepared().interactions)
    kept = np.ones(62, dtype=bool)
    kept[[3, 61]] = False
    poison = Sequences.of([[1, 2], [3]])
    trained_on = TrainingData.left_by(DefenseAnswer(kept=kept, suspicion=None, report={}), poison)
    train, validation = trained_on.of(split)
    assert train.n_users == 61
    assert train[3].tolist() == []
    assert train[4].tolist() == split.train[4].tolist()
    assert train[60].tolist() == [1, 2]
    assert 3 not in validation.users
    assert len(validation) == len(split.validation) - 1


def test_merged_shards_bring_what_defenses_answered(prepared, tmp_path, run, files):
    suite = prepared(defenses=["none", "drops-jumpers"])
    source, _ = run(suite, tmp_path / "source")
    target = Store(tmp_path / "target", warn=print)
    assert merge(suite.grid, target, source) == (8, 0)
    assert files(target) == files(source)


def test_a_defense_answers_the_same_in_a_process_of_its_own(prepared, tmp_path, run):
    kept = {}
    for isolation in ("process", "in-process"):
        suite = prepared(
            attackers=["random"], defenses=["drops-jumpers"], seeds=[0], isolation=isolation
        )
        store, _ = run(suite, tmp_path / isolation)
        [cell] = suite.grid.cells
        record = store.record(cell.id)
        assert record.status == "ok", record.reason
        kept[isolation] = (
            record.metrics,
            store.read(DefenseCodec(), record.artefacts.defense),
        )
        timings = store.read_json("runs", cell.id)["timings"]
        assert timings["defense"]["isolation"] == isolation
    (metrics, apart), (here_metrics, here) = kept.values()
    assert metrics == here_metrics
    np.testing.assert_array_equal(apart.kept, here.kept)
    np.testing.assert_array_equal(apart.suspicion, here.suspicion)
    assert apart.report == here.report
