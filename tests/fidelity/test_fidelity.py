"""The suite finds a good estimator good and a control bad, on a model small enough to retrain."""

import numpy as np
import pytest

from loki_bench.contracts import Goal, InfluenceEstimator
from loki_bench.fidelity.agreement import agreement_of, spearman
from loki_bench.fidelity.fake_user_designs import (
    STRATA,
    design_fake_users,
    draw_goal,
    mean_score_objective,
)
from loki_bench.fidelity.suite import FidelitySettings, fidelity_table, run_fidelity
from loki_bench.influence.leverage_influence import LeverageInfluence
from loki_bench.interactions import Interactions, Sequences


def planted_users(n_users=120, n_items=40, seed=0):
    """Two tastes, items 0-19 and 20-39, so that factors have something to learn."""
    rng = np.random.default_rng(seed)
    rows = [rng.choice(20, 8, replace=False) + 20 * (u % 2) for u in range(n_users)]
    sequences = Sequences.of(rows)
    return Interactions(sequences.offsets, sequences.items, n_items=n_items)


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


def test_too_few_targets_are_refused():
    with pytest.raises(ValueError, match="targets wanted"):
        draw_goal(
            planted_users(),
            n_items=1,
            n_users=1,
            popularity=(1000, 2000),
            rng=np.random.default_rng(0),
        )


class Constant(InfluenceEstimator):
    """Knows nothing."""

    def fit(self, model, train, objective, *, seed):
        return self

    def influence(self, candidates):
        return np.ones(len(candidates))

    def marginal_influence(self, prefixes, next_items):
        return np.ones(len(prefixes))


def test_leverage_ranks_what_retraining_does_and_a_constant_does_not():
    factors = pytest.importorskip("loki_bench_recbole.bprmf")
    rows = run_fidelity(
        planted_users(),
        lambda: factors.BPRMF(embedding_size=4, epochs=3, l2=0.1),
        {"leverage": LeverageInfluence, "constant": Constant},
        FidelitySettings(
            n_per_stratum=4,
            length=6,
            group_shares=(0.02,),
            n_groups=4,
            n_next_items=6,
            n_target_users=8,
            popularity=(1, 100),
            truths=("warm", "cold"),
        ),
    )
    single = {
        (row.truth, row.estimator): row
        for row in rows
        if (row.experiment, row.stratum) == ("single", "all")
    }
    assert single["warm", "leverage"].agreement.spearman > 0.8
    assert single["warm", "leverage"].ceiling == 1.0
    assert np.isnan(single["warm", "constant"].agreement.spearman)
    assert single["cold", "leverage"].ceiling <= 1.0
    assert {row.experiment for row in rows} == {"single", "group 2 %", "next item"}
    assert "| rho / ceiling" in fidelity_table(rows).replace("   ", " ")


def test_a_goal_is_what_the_objective_averages():
    train = planted_users()
    goal = Goal(items=np.array([1, 2], np.int32), users=np.array([1], np.int32))
    objective = mean_score_objective(train, goal)
    assert objective.items.tolist() == [1, 2]
    assert objective.users.tolist() == [1, 1]
