"""Alternating least squares: each half of a sweep against the normal equations in numpy."""

import numpy as np
import torch

from loki_bench_attacks.implicit_factors import ImplicitFactorisation

ROWS = [[0, 1], [1, 2], [0, 2, 3]]  # three users, five items
ALPHA, L2, D = 10.0, 5.0, 4


def row_by_row(x, others):
    """The minimiser of each row's weighted squares, one row at a time in float64."""
    c = 1 + ALPHA * x
    eye = L2 * np.eye(others.shape[1])
    return np.stack(
        [
            np.linalg.solve((others.T * w) @ others + eye, (others.T * w) @ clicks)
            for w, clicks in zip(c, x, strict=True)
        ]
    )


def test_both_halves_of_a_sweep_solve_their_normal_equations(view_of):
    history = view_of(ROWS, n_items=5, targets=[4], users=[0]).history
    model = ImplicitFactorisation(history, n_factors=D, alpha=ALPHA, l2=L2)
    fakes = torch.tensor([[0.5, 0, 0, 0, 1.0], [0, 0, 0.25, 0, 1.0]])
    factors = model.start(2, seed=1)
    swept = model.sweeps(factors, fakes, 1)
    x = np.zeros((5, 5))
    for user, row in enumerate(ROWS):
        x[user, row] = 1
    x[3:] = fakes.numpy()
    items = factors.items.numpy().astype(np.float64)
    users = row_by_row(x, items)
    np.testing.assert_allclose(swept.users.numpy(), users[:3], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(swept.fakes.numpy(), users[3:], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(swept.items.numpy(), row_by_row(x.T, users), rtol=1e-3, atol=1e-5)


def test_even_users_are_predicted_even_items(view_of):
    random = np.random.default_rng(0)
    rows = [random.choice(15, 8, replace=False) * 2 + user % 2 for user in range(60)]
    rows = [row[row != 2] for row in rows]
    model = ImplicitFactorisation(view_of(rows, n_items=30, targets=[2], users=[0]).history)
    factors = model.sweeps(model.start(0, seed=0), torch.zeros(0, 30), 10)
    scores = (factors.users @ factors.items.t()).numpy()
    even, odd = scores[::2], scores[1::2]
    assert even[:, 0::2].mean() > even[:, 1::2].mean() + 0.1
    assert odd[:, 1::2].mean() > odd[:, 0::2].mean() + 0.1
