"""Fake users to compare, agreement by hand, and truths that do what they say."""

import numpy as np
import pytest
from planted import planted_users

from loki_bench.contracts import Goal, InfluenceEstimator
from loki_bench.errors import SuiteError
from loki_bench.fidelity.agreement import agreement_of, spearman, spearman_within
from loki_bench.fidelity.fake_user_designs import (
    STRATA,
    design_fake_users,
    draw_goal,
    experiments_of,
    mean_score_objective,
)
from loki_bench.fidelity.suite import DesignTable


def test_agreement_by_hand():
    predicted, truth = np.array([2.0, 4.0, -2.0]), np.array([1.0, 2.0, -1.0])
    got = agreement_of(predicted, truth)
    assert (got.n, got.spearman, got.slope) == (3, pytest.approx(1), pytest.approx(0.5))
    assert got.relative_error == pytest.approx(1.0)  # |truth| again
    assert (got.top, got.sign) == (1.0, 1.0)
    assert np.isnan(spearman(np.ones(5), np.arange(5.0)))
    assert np.isnan(spearman(np.arange(2.0), np.arange(2.0)))
    with pytest.raises(ValueError, match="two equal"):
        agreement_of(predicted, truth[:2])


def test_of_ties_at_the_end_of_the_top_tenth_each_has_the_same_chance():
    truth = np.arange(20.0)  # the top tenth: two of twenty
    assert agreement_of(np.ones(20), truth).top == pytest.approx(0.1)  # as by chance
    one_known = np.where(truth == 19, 2.0, np.where(truth >= 15, 1.0, 0.0))
    assert agreement_of(one_known, truth).top == pytest.approx((1 + 1 / 4) / 2)
    for order in (np.arange(20), np.arange(20)[::-1]):  # whichever comes first
        assert agreement_of(truth[order], one_known[order]).top == pytest.approx(5 / 8)
        assert agreement_of(truth[order], truth[order]).top == 1.0


def test_within_strata_a_lead_of_one_stratum_counts_for_nothing():
    strata = np.array(["a", "a", "a", "b", "b", "b"])
    truth = np.array([1.0, 2.0, 3.0, 11.0, 12.0, 13.0])
    knows_strata_alone = np.array([3.0, 2.0, 1.0, 13.0, 12.0, 11.0])
    assert spearman(knows_strata_alone, truth) > 0.5
    assert spearman_within(knows_strata_alone, truth, strata) == pytest.approx(-1.0)
    assert spearman_within(truth, truth, strata) == pytest.approx(1.0)
    half = np.array([1.0, 2.0, 3.0, 13.0, 12.0, 11.0])
    assert spearman_within(half, truth, strata) == pytest.approx(0.0)
    assert np.isnan(spearman_within(np.ones(6), truth, strata))


def test_designs_hold_what_their_stratum_says():
    train = planted_users()
    rng = np.random.default_rng(0)
    goal = draw_goal(train, n_items=2, n_users=5, popularity=(1, 60), rng=rng)
    assert not any(np.isin(train[int(u)], goal.items).any() for u in goal.users)
    design = design_fake_users(train, goal, n_per_stratum=6, length=7, rng=rng)
    assert len(design.sequences) == 6 * len(STRATA)
    for row, stratum in zip(design.sequences, design.strata, strict=True):
        assert len(np.unique(row)) == len(row) == 7 or stratum == "target-users"
        assert np.isin(row, goal.items).any() == (stratum != "no-target")
    objective = mean_score_objective(train, goal)
    assert objective.weights.sum() == pytest.approx(1)
    assert len(objective.users) == 10


def test_too_few_targets_or_users_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(SuiteError, match=r"widen design\.popularity"):
        draw_goal(planted_users(), n_items=1, n_users=1, popularity=(1000, 2000), rng=rng)
    with pytest.raises(SuiteError, match=r"lower design\.n_target_users"):
        draw_goal(planted_users(), n_items=1, n_users=1000, popularity=(1, 100), rng=rng)


class Lengths(InfluenceEstimator):
    """A user's influence is its number of events."""

    def fit(self, model, train, objective, *, seed):
        return self

    def influence(self, candidates):
        return candidates.lengths.astype(float)

    def marginal_influence(self, prefixes, next_items):
        return 100.0 * np.asarray(next_items) + prefixes.lengths


def test_experiments_are_single_users_groups_and_next_items():
    train = planted_users()
    rng = np.random.default_rng(0)
    goal = draw_goal(train, n_items=1, n_users=5, popularity=(1, 60), rng=rng)
    design = DesignTable(
        n_per_stratum=2, length=6, group_shares=[0.005, 0.05], n_groups=3, n_next_items=5
    )
    single, small, large, following = experiments_of(train, goal, design, rng)
    assert [e.name for e in (single, small, large, following)] == [
        "single",
        "group 0.5 %",
        "group 5 %",
        "next item",
    ]
    assert {len(group) for group in small.added} == {1}  # 0.6 of a user is one
    assert {len(group) for group in large.added} == {6}
    assert large.predicted_by(Lengths()).tolist() == [36.0] * 3
    assert single.target_clicks(goal).tolist() == [1.0] * 6 + [0.0] * 2
    assert following.beyond is not None
    prefix = following.beyond[0]
    assert len(prefix) == 3
    items = [int(group[0][-1]) for group in following.added]
    assert items[0] == goal.items[0]
    assert len(set(items)) == 5
    assert not np.isin(items, prefix).any()
    assert following.predicted_by(Lengths()).tolist() == [100.0 * item + 3 for item in items]


def test_sizes_of_nought_leave_an_experiment_out():
    train = planted_users()
    rng = np.random.default_rng(0)
    goal = draw_goal(train, n_items=1, n_users=5, popularity=(1, 60), rng=rng)
    design = DesignTable(n_per_stratum=0, n_groups=0, n_next_items=0)
    assert experiments_of(train, goal, design, rng) == []


def test_a_goal_is_what_the_objective_averages():
    train = planted_users()
    goal = Goal(items=np.array([1, 2], np.int32), users=np.array([1], np.int32))
    objective = mean_score_objective(train, goal)
    assert objective.items.tolist() == [1, 2]
    assert objective.users.tolist() == [1, 1]
