"""The compiled loop against five plain lines."""

import math
from itertools import combinations

import numpy as np
import pytest

from loki_bench.interactions import Interactions, Sequences
from loki_bench_defenses.target_burst import TargetBurst


def plain(rows, set_size):
    sets = [set(row) for row in rows]
    held = {item: sum(item in s for s in sets) for s in sets for item in s}
    reached = []
    for own in sets:
        surprises = [0.0] * 100
        for one, other in combinations(sorted(own), 2):
            n = sum({one, other} <= s for s in sets) - 1
            m = (held[one] - 1) * (held[other] - 1) / len(rows)
            surprises.append(n * math.log(n / m) - n + m if n > m else 0.0)
        reached.append(sorted(surprises)[-(set_size * (set_size - 1) // 2)])
    return reached


@pytest.mark.parametrize("set_size", [2, 3, 4])
def test_the_surprise_reached_equals_the_plain_one(set_size):
    random = np.random.default_rng(1)
    rows = [random.integers(0, 12, random.integers(0, 9)) for _ in range(40)]
    sequences = Sequences.of(rows)
    train = Interactions(sequences.offsets, sequences.items, n_items=12)
    found = TargetBurst(set_size=set_size).score(train)
    assert found == pytest.approx(plain([row.tolist() for row in rows], set_size))
