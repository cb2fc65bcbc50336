"""Every count and number of every recommender is refused where it can mean nothing."""

import math

import pytest

from loki_bench.errors import ParameterError
from loki_bench_recbole.hooks import loki_bench_recommenders

SPECS = {spec.name: spec for spec in loki_bench_recommenders()}
NEEDED = {"recbole": {"model": "BPR"}}
NONE_IS_A_COUNT = frozenset()


def of_type(kind):
    """(component, parameter) for each parameter whose default is of this very type."""
    return [
        (name, parameter.name)
        for name, spec in SPECS.items()
        for parameter in spec.parameters().values()
        if type(parameter.default) is kind
    ]


@pytest.mark.parametrize("value", [2.5, math.inf, math.nan, "3", True, -1])
@pytest.mark.parametrize(("name", "parameter"), of_type(int))
def test_a_count_is_a_whole_number(name, parameter, value):
    with pytest.raises(ParameterError, match=rf"{parameter} must be a whole number from \d"):
        SPECS[name].build({**NEEDED.get(name, {}), parameter: value})


@pytest.mark.parametrize(("name", "parameter"), of_type(int))
def test_a_count_of_none_is_refused_where_it_means_nothing(name, parameter):
    if (name, parameter) in NONE_IS_A_COUNT:
        SPECS[name].build({**NEEDED.get(name, {}), parameter: 0})
        return
    with pytest.raises(ParameterError, match=rf"{parameter} must be a whole number from [12]"):
        SPECS[name].build({**NEEDED.get(name, {}), parameter: 0})


@pytest.mark.parametrize("value", [math.inf, math.nan, "0.1", True, -0.5])
@pytest.mark.parametrize(("name", "parameter"), of_type(float))
def test_a_number_is_finite_and_no_text(name, parameter, value):
    with pytest.raises(ParameterError, match=rf"{parameter} must be a number "):
        SPECS[name].build({**NEEDED.get(name, {}), parameter: value})
