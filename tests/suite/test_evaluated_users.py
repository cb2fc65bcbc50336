"""Whose test and validation events are ranked where there are too many users for all."""

import numpy as np
import pytest
from pydantic import ValidationError

from loki_bench.interactions import Sequences
from loki_bench.pipeline.retrain import VictimRanksCodec
from loki_bench.split import HeldOut
from loki_bench.suite import grid
from loki_bench.suite.evaluated_users import evaluated, rows_by_length
from loki_bench.suite.grid import number_evaluated

ONE = {"attackers": ["random"], "seeds": [0], "metrics": ["hr@5", "display_rate@5"]}


def held_out_of(*lengths):
    users = np.arange(len(lengths), dtype=np.int32)
    histories = Sequences.of([range(length) for length in lengths])
    return HeldOut(users=users, histories=histories, items=np.zeros(len(users), dtype=np.int32))


def drawn(held_out, n, seed=0):
    return rows_by_length(held_out, n, np.random.default_rng(seed)).tolist()


def cell_of(suite):
    return suite.grid.cells[0]


def ranks_of(suite, run, folder):
    store, lines = run(suite, folder)
    assert {status for _, status in lines} == {"ok"}
    record = store.record(cell_of(suite).id)
    return record, store.read(VictimRanksCodec(), record.artefacts.ranks)


@pytest.mark.parametrize(
    ("asked", "n_users", "expected"),
    [
        (None, 22_363, None),  # Amazon Beauty
        (None, 50_000, None),
        (None, 50_001, 50_000),
        (None, 2_100_000, 50_000),
        ("all", 2_100_000, None),
        (20_000, 2_100_000, 20_000),
        (20_000, 20_000, None),
        (20_000, 19_999, None),
        (1, 2, 1),
    ],
)
def test_all_users_are_evaluated_up_to_fifty_thousand_and_as_many_of_more(asked, n_users, expected):
    assert number_evaluated(asked, n_users) == expected


@pytest.mark.parametrize("seed", range(20))
def test_each_length_of_history_has_its_share_of_the_sample(seed):
    held_out = held_out_of(2, 5, 2, 5, 2, 5, 2, 5, 2, 2)  # six of length 2, four of length 5
    lengths = held_out.histories.lengths[drawn(held_out, 5, seed)]
    assert np.bincount(lengths).tolist() == [0, 0, 3, 0, 0, 2]


@pytest.mark.parametrize("seed", range(20))
def test_a_share_that_is_no_whole_number_is_rounded_up_or_down(seed):
    held_out = held_out_of(*[1] * 7, *[4] * 3, *[9] * 90)  # of 10: 0.7, 0.3 and 9
    lengths = held_out.histories.lengths[drawn(held_out, 10, seed)]
    short, middle, long = (int(np.sum(lengths == length)) for length in (1, 4, 9))
    assert (short, middle) in ((1, 0), (0, 1))
    assert long == 9


def test_every_user_is_drawn_with_the_same_probability():
    held_out = held_out_of(1, 1, 1, 3, 8)
    counts = np.bincount([row for seed in range(4000) for row in drawn(held_out, 2, seed)])
    # 2 of 5, with a standard error of 0.0077
    np.testing.assert_allclose(counts / 4000, 0.4, atol=0.035)


def test_the_same_seed_draws_the_same_sample_and_another_one_another():
    held_out = held_out_of(*range(1, 60), *range(1, 60))
    assert drawn(held_out, 30, seed=3) == drawn(held_out, 30, seed=3)
    assert drawn(held_out, 30, seed=3) != drawn(held_out, 30, seed=4)


def test_rows_rise_and_none_is_drawn_twice():
    rows = drawn(held_out_of(*[3] * 100), 40)
    assert rows == sorted(set(rows))
    assert len(rows) == 40


@pytest.mark.parametrize("n", [3, 4, 1000])
def test_a_sample_of_all_is_all(n):
    assert drawn(held_out_of(2, 9, 4), n) == [0, 1, 2]


def test_of_nobody_nobody_is_drawn():
    assert drawn(held_out_of(), 5) == []


def test_a_sample_of_all_users_has_the_ids_of_no_sample(prepared):
    suites = [
        prepared(**ONE, protocol=protocol)
        for protocol in ({}, {"evaluate_users": "all"}, {"evaluate_users": 60})
    ]
    assert len({cell_of(suite).id for suite in suites}) == 1
    assert '"evaluate_users"' not in cell_of(suites[2]).model_dump_json()


def test_test_events_of_the_sample_are_ranked_and_target_users_all(prepared, run, tmp_path):
    protocol = {"n_targets": 2, "n_target_users": 5}
    all_users = prepared(**ONE, protocol=protocol)
    some = prepared(**ONE, protocol={**protocol, "evaluate_users": 20})
    record, sampled = ranks_of(some, run, tmp_path / "some")
    before, whole = ranks_of(all_users, run, tmp_path / "all")
    assert whole.test_ranks.shape == (60,)
    assert sampled.test_ranks.shape == (20,)
    assert sampled.target_ranks.shape == whole.target_ranks.shape == (5, 2)
    assert record.goal == before.goal
    assert record.cell.protocol.evaluate_users == 20
    assert record.id != before.id
    # the made-up victim looks at no validation event: the sample changes nothing else
    np.testing.assert_array_equal(sampled.target_ranks, whole.target_ranks)
    split = evaluated(some.split, cell_of(some).protocol, 0)
    places = np.searchsorted(some.split.test.users, split.test.users)
    np.testing.assert_array_equal(sampled.test_ranks, whole.test_ranks[places])
    assert record.value("hr@5") == np.mean(whole.test_ranks[places] <= 5)


def test_validation_events_are_those_of_a_sample_too(prepared):
    suite = prepared(**ONE, protocol={"n_targets": 1, "n_target_users": 1, "evaluate_users": 20})
    split = evaluated(suite.split, cell_of(suite).protocol, 0)
    assert len(split.validation) == 20
    assert split.train is suite.split.train
    assert split.history is suite.split.history


def test_other_users_are_drawn_at_each_seed_and_with_each_key(prepared):
    given = {"n_targets": 1, "n_target_users": 1, "evaluate_users": 20}
    suite = prepared(**ONE, protocol=given)
    keyed = prepared(**ONE, protocol={**given, "key": "ab" * 16})
    samples = [
        evaluated(suite.split, cell_of(used).protocol, seed).test.users.tolist()
        for used, seed in ((suite, 0), (suite, 1), (keyed, 0))
    ]
    assert samples[0] != samples[1]
    assert samples[0] != samples[2]


def test_of_more_than_fifty_thousand_users_a_sample_is_evaluated_unasked(prepared, monkeypatch):
    monkeypatch.setattr(grid, "MOST_EVALUATED", 50)
    given = {"n_targets": 1, "n_target_users": 1}
    unasked = cell_of(prepared(**ONE, protocol=given))
    assert unasked.protocol.evaluate_users == 50
    asked = cell_of(prepared(**ONE, protocol={**given, "evaluate_users": "all"}))
    assert asked.protocol.evaluate_users is None


@pytest.mark.parametrize("asked", [0, -1, "some", 1.5])
def test_what_is_no_number_of_users_is_refused(prepared, asked):
    with pytest.raises(ValidationError, match="evaluate_users"):
        prepared(**ONE, protocol={"evaluate_users": asked})
