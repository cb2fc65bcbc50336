"""Noise that training has to stand is finite, and none of it is below zero."""

import numpy as np
import pytest

from loki_bench.contracts import AdversarialNoise
from loki_bench.errors import ParameterError


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"radius": -0.1}, "radius is -0.1, expected a number of 0 or more"),
        ({"radius": float("nan")}, "radius is nan"),
        ({"weight": float("inf")}, "weight is inf"),
        ({"of_users": np.ones(2, np.float32)}, "a float32 array of shape (2,), expected float64"),
        ({"of_users": np.ones((2, 1))}, "of shape (2, 1)"),
        ({"of_users": np.array([1.0, np.nan])}, "not finite or below 0"),
        ({"of_users": np.array([1.0, -1.0])}, "not finite or below 0"),
    ],
)
def test_noise_that_can_not_be_is_refused(values, sentence):
    with pytest.raises(ParameterError) as error:
        AdversarialNoise(**{"radius": 0.5, "weight": 1.0, **values})
    assert sentence in str(error.value)


def test_noise_may_be_none_at_all():
    assert AdversarialNoise(radius=0, weight=0, of_users=np.empty(0)).weight == 0
