"""What an influence answer on Amazon Beauty costs: the solve, and a million candidates.

    LOKI_BENCH_DATA=/folder/with/beauty python -m pytest benchmarks/test_influence_speed.py -s

bprmf with 64 factors as victims are trained, one thread, CPU seconds. A candidate sample is a user,
an item and a negative: its influence is three dot products of table rows with the solved vector.
"""

import time

import numpy as np
import pytest
from candidates_in_their_order import losses_in_their_order

from loki_bench.contracts import InfluenceObjective, TrainingSamples
from loki_bench.influence.estimators.cg import ConjugateGradientInfluence
from loki_bench.influence.objectives.factor import FactorObjective
from loki_bench_recbole.bprmf import BPRMF

pytestmark = [pytest.mark.beauty, pytest.mark.filterwarnings("ignore")]

SOLVE_BAR, SCORING_BAR, RATIO_BAR = 10.0, 1.0, 0.6
N_CANDIDATES, N_TARGET_USERS = 1_000_000, 20


@pytest.fixture(scope="module")
def fitted(split):
    return BPRMF().fit(split.train, validation=split.validation, seed=0)


@pytest.fixture(scope="module")
def objective(split):
    users = np.arange(N_TARGET_USERS, dtype=np.int32)
    target = int(np.flatnonzero(split.train.item_counts == 10)[0])
    return InfluenceObjective(
        users=users,
        histories=split.train.take(users),
        items=np.full(N_TARGET_USERS, target, np.int32),
        weights=np.full(N_TARGET_USERS, 1 / N_TARGET_USERS),
    )


@pytest.mark.parametrize(
    "options",
    [{"damping": 1.0, "curvature": "gauss-newton"}, {}],
    ids=["as loki is lent it", "exact curvature"],
)
def test_conjugate_gradients_to_a_thousandth(fitted, objective, split, benchmark, options):
    def solve():
        started = time.process_time()
        estimator = ConjugateGradientInfluence(**options)
        report = estimator.fit(fitted, split.train, objective, seed=0).report
        return time.process_time() - started, report

    solve()  # compiles
    seconds, report = benchmark.pedantic(solve, rounds=1)
    benchmark.extra_info.update(seconds=seconds, **report)
    print(
        f"\n{seconds:.2f} s, {report['hessian_products']:.0f} products, residual "
        f"{report['relative_residual']:.1e}, damping {report['damping']:.3g}"
    )
    assert report["relative_residual"] <= 1e-3
    assert seconds <= SOLVE_BAR


def test_a_million_candidate_samples(fitted, split, benchmark):
    linear = FactorObjective.of(fitted, fitted.training_samples(split.train, seed=0), np.float32)
    rng = np.random.default_rng(0)
    solved = rng.normal(size=linear.size).astype(np.float32)
    positives, negatives = rng.integers(0, split.train.n_items, (2, N_CANDIDATES), dtype=np.int32)
    candidates = TrainingSamples(
        users=rng.integers(0, split.train.n_users, N_CANDIDATES, dtype=np.int32),
        last_items=np.full(N_CANDIDATES, -1, np.int32),
        positives=positives,
        negatives=negatives,
    )
    seconds = {"row by row": [], "in their order": []}

    def score():
        for name, losses_of in (
            ("row by row", linear.sample_losses_along),
            ("in their order", lambda *asked: losses_in_their_order(linear, *asked)),
        ):
            started = time.process_time()
            found = losses_of(solved, candidates)
            seconds[name].append(time.process_time() - started)
            answers[name] = found

    answers = {}
    score()  # compiles
    for spent in seconds.values():
        spent.clear()
    benchmark.pedantic(score, rounds=5)
    now, before = min(seconds["row by row"]), min(seconds["in their order"])
    benchmark.extra_info.update(seconds=now, ratio=now / before)
    print(f"\n{N_CANDIDATES} candidate samples: {now:.3f} s, {now / before:.2f} of the time before")
    np.testing.assert_allclose(
        answers["row by row"], answers["in their order"], rtol=1e-3, atol=1e-4
    )
    assert now <= SCORING_BAR
    assert now / before <= RATIO_BAR
