"""Planted populations: genuine users with tastes, and fake users of one attack among them."""

import numpy as np
import pytest

from loki_bench.interactions import Interactions, Sequences

N_ITEMS, N_TASTES, N_FAKE = 2000, 20, 100
TARGETS = np.arange(1990, 2000)


def interactions(rows, n_items=N_ITEMS):
    sequences = Sequences.of(rows)
    return Interactions(sequences.offsets, sequences.items, n_items=n_items)


def genuine_rows(seed, n_users=1500):
    """Users keep to one taste's items, popular ones more often, with a few from anywhere."""
    random = np.random.default_rng(seed)
    size = N_ITEMS // N_TASTES
    weights = 1 / np.sqrt(np.arange(1, size + 1))
    rows = []
    for user in range(n_users):
        length = min(5 + random.geometric(0.12), size)
        own = random.choice(size, length, replace=False, p=weights / weights.sum())
        row = own * N_TASTES + user % N_TASTES
        row[random.random(length) < 0.2] = random.integers(N_ITEMS)
        rows.append(row)
    return rows


def alternating_rows(seed, n_fake=N_FAKE):
    """Target, another item, target ...: eight targets, and seven of all other items."""
    random = np.random.default_rng([seed, 1])
    rows = np.empty((n_fake, 15), dtype=np.int64)
    for row in rows:
        row[::2] = random.choice(TARGETS, 8, replace=False)
        row[1::2] = random.choice(TARGETS[0], 7, replace=False)
    return list(rows)


@pytest.fixture(scope="session")
def clean():
    return interactions(genuine_rows(0))


@pytest.fixture(scope="session")
def poisoned():
    """1,500 genuine users, then 100 fake ones."""
    return interactions([*genuine_rows(0), *alternating_rows(0)])


@pytest.fixture(scope="session")
def dense():
    """1,200 genuine users of eight tastes, 50 items each, kept in order; then 100 fake ones."""
    random = np.random.default_rng(0)
    weights = 1 / np.arange(1, 51)
    rows = []
    for user in range(1200):
        length = min(5 + random.geometric(0.12), 50)
        own = random.choice(50, length, replace=False, p=weights / weights.sum())
        rows.append(np.sort(own) * 8 + user % 8)
    fakes = [random.choice(400, 15, replace=False) for _ in range(N_FAKE)]
    return interactions([*rows, *fakes], 400)
