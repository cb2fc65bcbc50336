"""Fraud spreads along common items, by hand."""

import numpy as np
import pytest
from scipy import sparse

from loki_bench_defenses.fap import propagated


def test_one_step_goes_from_the_seed_to_who_shares_its_item():
    # users 0 and 1 hold item 0, user 2 holds item 1 alone; user 0 is the seed
    held = sparse.csr_matrix([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    fraud = propagated(held, np.array([1.0, 0.0, 0.0]), damping=0.5, n_steps=1)
    # item 0 gets (1 + 0) / 2; users 0 and 1 then have 0.5 + 0.25 and 0.25, and what each is shown
    # of item 0 at the end is the other one's
    np.testing.assert_allclose(fraud, [0.25, 0.75, 0.0])


def test_fraud_reaches_accomplices_and_hardly_anybody_else():
    # users 0 to 9 hold four of five rare items, too, users 10 to 59 popular ones
    random = np.random.default_rng(0)
    held = np.zeros((60, 25))
    for user in range(60):
        held[user, 5 + random.choice(20, 4, replace=False)] = 1
    for user in range(10):
        held[user, random.choice(5, 4, replace=False)] = 1
    seeds = np.zeros(60)
    seeds[:2] = 1
    fraud = propagated(sparse.csr_matrix(held), seeds, damping=0.85, n_steps=20)
    assert fraud[2:10].min() > fraud[10:].max()
    assert fraud.max() < 1 == pytest.approx(seeds.max())
