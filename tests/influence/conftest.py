"""The tests' own recommenders, and the factor models that several files are tested on."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import pytest
from factor_doubles import ConvergedFactors, random_users

from loki_bench.contracts import InfluenceObjective


@pytest.fixture(
    scope="module",
    params=[
        (("user",), False, 40),
        (("user",), True, 40),
        (("user", "last-item"), True, 20),  # as many users as items
        (("last-item",), True, 40),
    ],
)
def factor_case(request):
    kinds, per_sample, n_users = request.param
    train = random_users(n_users, 20, seed=1)
    l2 = 0.06 if per_sample else 0.5
    model = ConvergedFactors(kinds, per_sample=per_sample, l2=l2).fit(train, seed=0)
    objective = InfluenceObjective(
        users=np.arange(6, dtype=np.int32),
        histories=train.take(range(6)),
        items=np.full(6, 5, dtype=np.int32),
        weights=np.full(6, 1 / 6),
    )
    return train, model, objective
