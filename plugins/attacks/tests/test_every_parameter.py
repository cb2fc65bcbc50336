"""Every count and number of every attack is refused where it can mean nothing."""

import pytest
from refused_parameters import (
    NO_COUNTS,
    NO_NUMBERS,
    of_type,
    refuses_as_count,
    refuses_as_number,
)

from loki_bench_attacks.hooks import loki_bench_attackers

SPECS = {spec.name: spec for spec in loki_bench_attackers()}
NONE_IS_A_COUNT = frozenset({("poisonrec", "n_iterations")})


@pytest.mark.parametrize("value", NO_COUNTS)
@pytest.mark.parametrize(("name", "parameter"), of_type(SPECS, int))
def test_a_count_is_a_whole_number(name, parameter, value):
    refuses_as_count(SPECS[name], {parameter: value}, parameter)


@pytest.mark.parametrize(("name", "parameter"), of_type(SPECS, int))
def test_a_count_of_none_is_refused_where_it_means_nothing(name, parameter):
    if (name, parameter) in NONE_IS_A_COUNT:
        SPECS[name].build({parameter: 0})
        return
    refuses_as_count(SPECS[name], {parameter: 0}, parameter, least="[12]")


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize(("name", "parameter"), of_type(SPECS, float))
def test_a_number_is_finite_and_no_text(name, parameter, value):
    refuses_as_number(SPECS[name], {parameter: value}, parameter)
