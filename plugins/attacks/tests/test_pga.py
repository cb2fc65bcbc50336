"""Projected gradient ascent: the paper's derivative by hand, and a world with one right answer."""

import numpy as np
import pytest
import torch

from loki_bench.errors import ParameterError
from loki_bench_attacks.implicit_factors import Factors, ImplicitFactorisation
from loki_bench_attacks.pga import ProjectedGradientAscent, utility_gradient

ALPHA, L2 = 10.0, 5.0


def test_the_gradient_for_three_users_follows_the_papers_optimality_conditions(view_of):
    """``dq_j = A_j^-1 (db_j - dA_j q_j)`` in numpy, for two genuine users and a fake one."""
    random = np.random.default_rng(0)
    rows, target, filler = [[0, 1], [1, 2]], 3, 1
    history = view_of(rows, n_items=4, targets=[target], users=[0]).history
    model = ImplicitFactorisation(history, n_factors=2, alpha=ALPHA, l2=L2)
    p, q = random.normal(size=(2, 2)), random.normal(size=(4, 2))
    clicks = np.array([[0.0, 0.4, 0.0, 1.0]])

    # the fake user's row f given q, and how it moves with its click on the filler
    a_f = L2 * np.eye(2) + (q.T * (1 + ALPHA * clicks[0])) @ q
    f = np.linalg.solve(a_f, q.T @ ((1 + ALPHA * clicks[0]) * clicks[0]))
    x = clicks[0, filler]
    df = np.linalg.solve(a_f, q[filler] * (1 + 2 * ALPHA * x - ALPHA * (q[filler] @ f)))
    # the target's row given everybody's; of these the fake user alone clicked it
    a_t = L2 * np.eye(2) + p.T @ p + (1 + ALPHA) * np.outer(f, f)
    t = np.linalg.solve(a_t, (1 + ALPHA) * f)
    d_a = (1 + ALPHA) * (np.outer(df, f) + np.outer(f, df))
    dt = np.linalg.solve(a_t, (1 + ALPHA) * df - d_a @ t)
    expected = p[0] @ dt  # target user 0

    def tensor(array):
        return torch.from_numpy(np.array(array, dtype=np.float32))

    factors = Factors(users=tensor(p), fakes=tensor(f[None]), items=tensor(q))
    found = utility_gradient(
        model, factors, tensor(clicks), torch.tensor([0]), torch.tensor([target]), form="paper"
    )
    assert float(found[0, filler]) == pytest.approx(expected, rel=1e-3)


def test_the_extended_gradient_for_three_users_is_the_slope_of_solving_again_in_numpy(view_of):
    random = np.random.default_rng(0)
    rows, target = [[0, 1], [1, 2]], 3
    history = view_of(rows, n_items=4, targets=[target], users=[0]).history
    model = ImplicitFactorisation(history, n_factors=2, alpha=ALPHA, l2=L2)
    p, q = random.normal(size=(2, 2)), random.normal(size=(4, 2))
    has = np.array([[1.0, 1, 0, 0], [0, 1, 1, 0]])

    def solved(x, others):
        return np.stack(
            [
                np.linalg.solve(
                    L2 * np.eye(2) + (others.T * (1 + ALPHA * row)) @ others,
                    others.T @ ((1 + ALPHA * row) * row),
                )
                for row in x
            ]
        )

    def utility(click):
        x = np.array([[0.0, click, 0.0, 1.0]])
        items = solved(np.vstack([has, x]).T, np.vstack([p, solved(x, q)]))
        users = solved(has, items)
        return (users[0] - users.mean(axis=0)) @ items[target]

    expected = (utility(0.4 + 1e-5) - utility(0.4 - 1e-5)) / 2e-5

    def tensor(array):
        return torch.from_numpy(np.array(array, dtype=np.float32))

    factors = Factors(users=tensor(p), fakes=torch.zeros(1, 2), items=tensor(q))
    clicks = tensor([[0.0, 0.4, 0.0, 1.0]])
    found = utility_gradient(
        model, factors, clicks, torch.tensor([0]), torch.tensor([target]), form="extended"
    )
    assert float(found[0, 1]) == pytest.approx(expected, rel=1e-3)


def test_fillers_are_the_items_of_the_target_users_own_crowd(view_of):
    """Two crowds with 20 items each; the target users belong to the first one."""
    random = np.random.default_rng(1)
    rows = [random.choice(20, 8, replace=False) + 20 * (user % 2) for user in range(60)]
    view = view_of(
        rows, n_items=42, targets=[41], users=[0, 2, 4], n_fake_users=6, n_actions=9, seed=3
    )
    poison = ProjectedGradientAscent(candidate_share=1.0).poison(view)
    fillers = np.concatenate([row[row != 41] for row in poison])
    assert (fillers < 20).mean() > 0.9


@pytest.mark.parametrize(
    "wrong", [{"form": "x"}, {"n_steps": 0}, {"candidate_share": 0}, {"step": -1}]
)
def test_values_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ParameterError, match="attacker 'pga'"):
        ProjectedGradientAscent(**wrong)
