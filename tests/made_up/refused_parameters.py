"""Values that are no count, or no number, for any component, and the sentences that refuse them."""

import math

import pytest

from loki_bench.errors import ParameterError

__all__ = ["NO_COUNTS", "NO_NUMBERS", "of_type", "refuses_as_count", "refuses_as_number"]

NO_COUNTS = [2.5, math.inf, math.nan, "3", True, -1]
NO_NUMBERS = [math.inf, math.nan, "0.1", True, -0.5]


def of_type(specs, kind):
    """(component, parameter) for each parameter whose default is of this very type."""
    return [
        (name, parameter.name)
        for name, spec in specs.items()
        for parameter in spec.parameters().values()
        if type(parameter.default) is kind
    ]


def refuses_as_count(spec, parameters, name, least=r"\d"):
    """It is not built with these parameters, since this one is no whole number from ``least``."""
    with pytest.raises(ParameterError, match=rf"{name} must be a whole number from {least}"):
        spec.build(parameters)


def refuses_as_number(spec, parameters, name):
    """It is not built with these parameters, since this one is no number that it takes."""
    with pytest.raises(ParameterError, match=rf"{name} must be a number "):
        spec.build(parameters)
