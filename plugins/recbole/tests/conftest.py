"""Planted data that the tests of every recommender share."""

import numpy as np
import pytest
import torch

from loki_bench.interactions import Interactions, Sequences
from loki_bench.split import HeldOut, leave_one_out


def interactions(rows, n_items):
    sequences = Sequences.of(rows)
    return Interactions(sequences.offsets, sequences.items, n_items=n_items)


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cycle():
    """Every user walks round a cycle of 12 items: the next item follows from the last one."""
    rows = [[(start + step) % 12 for step in range(6 + start % 3)] for start in range(12)] * 5
    return leave_one_out(interactions(rows, 12))


@pytest.fixture(scope="session")
def blocks():
    """Even users see even items and odd users odd items, in random order."""
    generator = np.random.default_rng(5)
    rows = [2 * generator.permutation(10)[:8] + user % 2 for user in range(60)]
    return leave_one_out(interactions(rows, 20))


@pytest.fixture(scope="session")
def small():
    """Sequences of all sorts: repeats, one event, none."""
    generator = np.random.default_rng(7)
    rows = [generator.integers(0, 30, size=length) for length in (6, 4, 9, 5, 3, 12, 7, 8)]
    return interactions([*rows, [3], [], [4, 4, 4, 1]], 30)


@pytest.fixture(scope="session")
def held_out(small):
    users = np.arange(8, dtype=np.int32)
    items = np.array([0, 5, 10, 15, 20, 25, 29, 1], dtype=np.int32)
    return HeldOut(users=users, histories=small.take(users), items=items)
