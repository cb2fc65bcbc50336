"""Defenses that weigh events or train the victim: what reaches the victim, and what it answers."""

import numpy as np
import pytest

from loki_bench.errors import SuiteError
from loki_bench.interactions import Sequences
from loki_bench.pipeline.retrain import VictimRanksCodec
from loki_bench.pipeline.training_data import DefenseAnswer, TrainingData

METRICS = [
    "display_rate@5",
    "clean_hr_lost@5",
    "detection_recall",
    "detection_auc",
    "false_positive_rate",
]


@pytest.fixture
def cells(prepared, tmp_path, run):
    """Records of random and no attack on one victim behind some defenses, and their store."""

    def found(*defenses, victim="follows-weighted", isolation="in-process", repeats="mask"):
        suite = prepared(
            victims=[victim],
            attackers=["none", "random"],
            defenses=["none", *defenses],
            metrics=METRICS,
            seeds=[0],
            isolation=isolation,
            repeats=repeats,
        )
        store, _ = run(suite, tmp_path / isolation)
        records = [store.record(cell.id) for cell in suite.grid.cells]
        assert [record.reason for record in records if record.status != "ok"] == []
        return {
            (r.cell.attacker.name, r.cell.defense.label if r.cell.defense else "none"): r
            for r in records
        }, store

    return found


def ranks(store, record):
    return store.read(VictimRanksCodec(), record.artefacts.ranks)


def test_weights_of_one_leave_the_undefended_victim_and_weights_of_zero_one_that_drops(cells):
    half = {"name": "weighs-jumpers", "parameters": {"jumper": 0.5}}
    kept = {"name": "weighs-jumpers", "parameters": {"jumper": 1}}
    found, _ = cells(kept, half, "weighs-jumpers", "drops-jumpers")
    for attack in ("none", "random"):
        plain, dropped = found[attack, "none"], found[attack, "drops-jumpers"]
        assert found[attack, "weighs-jumpers(jumper=1)"].artefacts.ranks == plain.artefacts.ranks
        assert found[attack, "weighs-jumpers"].artefacts.ranks == dropped.artefacts.ranks
    assert found["random", "weighs-jumpers"].value("detection_recall") == 1.0
    assert found["random", "weighs-jumpers(jumper=0.5)"].value("detection_recall") == 0.5


def test_each_event_reaches_the_victim_with_its_own_weight(cells):
    found, _ = cells("weighs-jumps", isolation="process")
    record = found["random", "weighs-jumps"]
    assert record.reports.victim == {"jumps": 0.25, "steps": 1.0}
    assert record.defense.fake_users_kept == 12
    # four of the five events of a fake user are jumps, but for chance: 0.6 of it is taken
    assert record.value("detection_recall") == pytest.approx(0.6, abs=0.05)
    assert record.value("detection_auc") == 1.0  # whoever weighs least is the most suspicious
    assert record.value("false_positive_rate") == 0.0


@pytest.mark.parametrize("defense", ["weighs-jumps", "trains-weighing"])
def test_a_victim_that_takes_no_weights_is_refused_before_anything_runs(prepared, defense):
    with pytest.raises(
        SuiteError,
        match=f"defense '{defense}' gives weights, and victim 'follows' can't be trained with any "
        ".*; victims that can: .*follows-weighted",
    ):
        prepared(victims=["follows-weighted", "follows"], defenses=["none", defense])


@pytest.mark.parametrize("isolation", ["process", "in-process"])
def test_a_defense_that_trains_once_on_everything_gives_the_undefended_victim(cells, isolation):
    found, store = cells("trains", victim="follows", isolation=isolation)
    for attack in ("none", "random"):
        record, plain = found[attack, "trains"], found[attack, "none"]
        trained, undefended = ranks(store, record), ranks(store, plain)
        np.testing.assert_array_equal(trained.target_ranks, undefended.target_ranks)
        np.testing.assert_array_equal(trained.test_ranks, undefended.test_ranks)
        assert record.reports.victim == {"fits": 1.0, "user_tokens": 0.0}
        assert record.value("detection_recall") in (0.0, None)  # nobody is dropped
        assert record.artefacts.ranks != plain.artefacts.ranks
    assert found["none", "trains"].artefacts.ranks == found["none", "trains"].artefacts.clean_ranks


@pytest.mark.parametrize(
    "isolation", [pytest.param("process", marks=pytest.mark.slow), "in-process"]
)
def test_what_a_training_leaves_out_and_weighs_is_left_out_and_weighed(cells, isolation):
    without = {"name": "trains", "parameters": {"how": "without jumpers"}}
    weighing = {"name": "trains-weighing", "parameters": {"how": "with weights"}}
    found, store = cells(without, weighing, "weighs-jumps", isolation=isolation)
    clean = ranks(store, found["none", "none"])
    cured = ranks(store, found["random", "trains(how=without jumpers)"])
    np.testing.assert_array_equal(cured.target_ranks, clean.target_ranks)
    one = ranks(store, found["random", "trains-weighing(how=with weights)"])
    other = ranks(store, found["random", "weighs-jumps"])
    np.testing.assert_array_equal(one.target_ranks, other.target_ranks)
    np.testing.assert_array_equal(one.test_ranks, other.test_ranks)


@pytest.mark.parametrize(
    "isolation", [pytest.param("process", marks=pytest.mark.slow), "in-process"]
)
def test_the_noise_of_each_user_reaches_the_victim(cells, isolation):
    noise = {"name": "trains-in-noise", "parameters": {"how": "against jumpers"}}
    without = {"name": "trains", "parameters": {"how": "without jumpers"}}
    found, store = cells(noise, without, victim="follows-the-quiet", isolation=isolation)
    one = ranks(store, found["random", "trains-in-noise(how=against jumpers)"])
    other = ranks(store, found["random", "trains(how=without jumpers)"])
    np.testing.assert_array_equal(one.target_ranks, other.target_ranks)
    np.testing.assert_array_equal(one.test_ranks, other.test_ranks)


@pytest.mark.parametrize(
    ("defense", "how", "victim", "sentence"),
    [
        ("trains-in-noise", "against too few", "follows-the-quiet", "gave noise for 1 users; it"),
        ("trains-in-noise", "in both ways", "follows-the-quiet", "gave weights and noise for one"),
        ("trains", "against jumpers", "follows", "spec of the defense must say needs_noise"),
    ],
)
def test_noise_that_can_not_be_given_fails_the_cell_in_a_sentence(
    prepared, tmp_path, run, defense, how, victim, sentence
):
    suite = prepared(
        victims=[victim],
        attackers=["random"],
        defenses=[{"name": defense, "parameters": {"how": how}}],
        seeds=[0],
        isolation="in-process",
    )
    store, _ = run(suite, tmp_path)
    record = store.record(suite.grid.cells[0].id)
    assert record.status == "failed"
    assert sentence in record.reason


def test_a_victim_that_takes_no_noise_is_refused_before_anything_runs(prepared):
    with pytest.raises(
        SuiteError,
        match=r"defense 'trains-in-noise' trains against noise, and victim 'follows' can't be "
        r"trained so .*; victims that can: .*follows-the-quiet",
    ):
        prepared(victims=["follows-the-quiet", "follows"], defenses=["none", "trains-in-noise"])


def test_lists_of_the_victim_are_its_best_items_outside_the_history(cells):
    by_lists = {"name": "trains", "parameters": {"how": "by lists"}}
    found, _ = cells(by_lists, victim="follows")
    record, plain = found["random", "trains(how=by lists)"], found["random", "none"]
    assert record.value("display_rate@5") == plain.value("display_rate@5")


@pytest.mark.parametrize("isolation", ["in-process", "process"])
def test_lists_of_the_victim_have_repeats_where_the_protocol_allows_them(cells, isolation):
    by_lists = {"name": "trains", "parameters": {"how": "by lists"}}
    found, store = cells(by_lists, victim="follows", isolation=isolation, repeats="allow")
    listed = ranks(store, found["none", "trains(how=by lists)"])
    plain = ranks(store, found["none", "none"])
    np.testing.assert_array_equal(listed.test_ranks <= 5, plain.test_ranks <= 5)
    np.testing.assert_array_equal(listed.target_ranks <= 5, plain.target_ranks <= 5)


def test_a_defense_that_trains_without_end_is_stopped_at_the_hundred_and_first_fit(
    prepared, tmp_path, run
):
    endless = {"name": "trains", "parameters": {"how": "for ever"}}
    suite = prepared(
        victims=["counts"],
        attackers=["random"],
        defenses=[endless],
        seeds=[0],
        isolation="in-process",
    )
    store, _ = run(suite, tmp_path)
    record = store.record(suite.grid.cells[0].id)
    assert record.status == "failed"
    assert "defense 'trains' asked for 101 fits of the victim; at most 100" in record.reason


def test_training_data_with_weights_have_another_address():
    poison = Sequences.of([[1, 2]])
    everybody = np.ones(4, dtype=bool)

    def left(weights):
        return TrainingData.left_by(
            DefenseAnswer(kept=everybody, suspicion=None, report={}, weights=weights), poison
        )

    assert left(None).digest() == left(np.ones(9)).digest() == poison.digest()
    assert left(np.full(9, 0.5)).digest() not in (poison.digest(), left(np.full(9, 0.25)).digest())
