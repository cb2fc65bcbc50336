"""Whole attacks and their display rates: patterns, mixtures, lists, and what estimators answer."""

import numpy as np
import pytest
from planted import planted_users

from loki_bench.content_ids import content_id
from loki_bench.contracts import Goal, InfluenceEstimator, RetrainingEstimator
from loki_bench.fidelity.agreement import told_apart
from loki_bench.fidelity.fake_user_designs import experiments_of
from loki_bench.fidelity.suite import DesignTable
from loki_bench.fidelity.whole_attacks import (
    ATTACKS,
    MIXED,
    TARGETS_ONLY,
    display_rate,
    whole_attacks,
)
from loki_bench.interactions import Interactions, Sequences

GOAL = Goal(items=np.array([30, 33], np.int32), users=np.array([0, 2, 4], np.int32))


def attacks(n_mixed=0):
    train = planted_users()
    found, names = whole_attacks(
        train,
        GOAL,
        n_fake_users=6,
        length=7,
        n_per_attack=1,
        n_mixed=n_mixed,
        rng=np.random.default_rng(0),
    )
    return train, dict(zip(names.tolist(), found, strict=True))


def test_each_attack_repeats_its_pattern_for_one_target_user_after_the_other():
    train, found = attacks()
    assert list(found) == list(ATTACKS)
    assert all(len(rows) == 6 and (rows.lengths == 7).all() for rows in found.values())
    assert np.isin(found[TARGETS_ONLY].items, GOAL.items).all()
    assert not np.isin(found["items only"].items, GOAL.items).any()
    own = [set(train[int(user)].tolist()) for user in GOAL.users]
    lasts = {int(train[int(user)][-1]) for user in GOAL.users}
    for row in found["item, two targets"]:
        assert np.isin(row, GOAL.items).tolist() == [False, True, True] * 2 + [False]
        assert any(set(row[::3].tolist()) <= items for items in own)
    assert {int(row[0]) for row in found["last item, target"]} == lasts


def test_a_mixture_has_fake_users_of_several_attacks():
    _, found = attacks(n_mixed=1)
    targets = [int(np.isin(row, GOAL.items).sum()) for row in found[MIXED]]
    assert len(targets) == 6
    assert len(set(targets)) > 1


class Scores:
    """Scores that are the same for every user."""

    def __init__(self, *scores):
        self.scores = np.array(scores, np.float32)

    def score_next(self, users, histories):
        return np.tile(self.scores, (len(users), 1))


def test_a_display_rate_counts_pairs_whose_item_is_in_the_list_less_own_items():
    rows = Sequences.of([[0], [1], [3]])
    train = Interactions(rows.offsets, rows.items, n_items=4)
    goal = Goal(items=np.array([2], np.int32), users=np.array([0, 1, 2], np.int32))
    model = Scores(9.0, 8.0, 5.0, 6.0)  # item 2 is fourth; one item of each user is left out
    assert display_rate(model, train, goal, 2) == 0.0
    assert display_rate(model, train, goal, 3) == 1.0
    tied = Scores(9.0, 5.0, 5.0, 1.0)  # ranks 2 and 3 are 2.5 each, but for user 1
    assert display_rate(tied, train, goal, 2) == pytest.approx(1 / 3 + 1 / 3)


class Trains(RetrainingEstimator):
    """Answers with the number of fake users, as if it had trained."""

    def fit(self, model, train, objective, *, seed):
        return self

    def influence(self, candidates):
        raise AssertionError("it is asked for whole attacks")

    marginal_influence = influence

    def change_of(self, outcome, fake_users):
        return float(len(fake_users))


class Sums(InfluenceEstimator):
    def fit(self, model, train, objective, *, seed):
        return self

    def influence(self, candidates):
        return np.ones(len(candidates))

    def marginal_influence(self, prefixes, next_items):
        raise NotImplementedError


def test_who_trains_answers_for_the_attack_and_who_does_not_with_a_sum():
    design = DesignTable(n_per_stratum=0, n_groups=0, n_next_items=0, attack_shares=[0.05])
    [experiment] = experiments_of(planted_users(), GOAL, design, np.random.default_rng(0))
    assert experiment.name == "display rate 5 %"
    assert experiment.strata.tolist() == list(ATTACKS)
    for estimator in (Trains(), Sums()):
        assert experiment.predicted_by(estimator).tolist() == [6.0] * len(ATTACKS)
    assert len(experiment.first(1).added) == 1


def test_pairs_are_told_apart_by_their_order_and_ties_count_half():
    marked = np.array([True, False, False, False])
    truth = np.array([0.0, 0.2, 0.1, 0.0])  # the last pair is tied and does not count
    assert told_apart(np.array([1.0, 2.0, 3.0, 0.0]), truth, marked) == 1.0
    assert told_apart(np.array([3.0, 2.0, 1.0, 0.0]), truth, marked) == 0.0
    assert told_apart(np.array([1.0, 2.0, 1.0, 0.0]), truth, marked) == 0.75
    assert np.isnan(told_apart(truth, np.zeros(4), marked))


def test_later_keys_of_a_design_enter_an_id_only_where_they_are_not_at_their_defaults():
    before = {
        "n_target_users": 20,
        "popularity": [5, 20],
        "length": 15,
        "n_per_stratum": 8,
        "group_shares": [0.005, 0.01, 0.03],
        "n_groups": 10,
        "n_next_items": 20,
    }
    assert content_id(DesignTable()) == content_id(before)
    assert DesignTable(attack_shares=[0.1]).model_dump()["attack_shares"] == [0.1]
