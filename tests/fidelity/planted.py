"""Data small enough to train on hundreds of times."""

import numpy as np

from loki_bench.interactions import Interactions, Sequences


def planted_users(n_users=120, n_items=40, seed=0):
    """Two tastes, items 0-19 and 20-39, so that factors have something to learn."""
    rng = np.random.default_rng(seed)
    rows = [rng.choice(20, 8, replace=False) + 20 * (u % 2) for u in range(n_users)]
    sequences = Sequences.of(rows)
    return Interactions(sequences.offsets, sequences.items, n_items=n_items)
