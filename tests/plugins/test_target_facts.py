"""The parameters of a target, as they are told where it is imported and where it is not."""

import enum

import pytest

from loki_bench.errors import ParameterError, PluginError
from loki_bench.plugins.specs import DefenseSpec
from loki_bench.plugins.target_facts import ParameterInfo, TargetFacts, parameters_of

LEVEL = ParameterInfo(name="level", required=True, default=None, is_plain=False, shown="level")


def spec(**facts):
    return DefenseSpec(
        name="theirs", summary="x", target="no_such_module:C", target_facts=TargetFacts(**facts)
    )


def test_what_can_not_be_given_by_name_is_left_out():
    def target(a, /, b, *rest, c=1, **more):
        raise AssertionError("nobody calls it")

    assert [parameter.name for parameter in parameters_of(target)] == ["b", "c"]


class Mode(str, enum.Enum):
    FAST = "fast"


class Level(enum.IntEnum):
    LOW = 1


@pytest.mark.parametrize("default", [Mode.FAST, Level.LOW])
def test_a_default_that_would_arrive_as_another_type_is_left_to_the_target(default):
    def target(mode=default):
        raise AssertionError("nobody calls it")

    [mode] = parameters_of(target)
    assert (mode.required, mode.is_plain) == (False, False)


@pytest.mark.parametrize("default", [float("inf"), float("nan")])
def test_a_default_that_is_no_finite_number_is_named(default):
    def target(share=default):
        raise AssertionError("nobody calls it")

    with pytest.raises(ValueError, match="the default of its parameter 'share'"):
        parameters_of(target)


def test_a_third_partys_parameters_are_checked_without_its_module():
    declared = spec(parameters=(LEVEL,))
    declared.check({"level": 1})
    with pytest.raises(ParameterError, match=r"takes no parameter 'levle'.*did you mean 'level'"):
        declared.check({"levle": 1})
    with pytest.raises(ParameterError, match="needs the parameter 'level'"):
        declared.check({})


def test_a_third_partys_target_is_not_imported_by_the_host():
    with pytest.raises(PluginError, match="third party's, which is not imported here"):
        spec(parameters=(LEVEL,)).build({"level": 1})


def test_a_target_that_could_not_be_imported_says_why_when_it_is_asked_for():
    declared = spec(parameters=(), problem="ModuleNotFoundError: No module named 'x'")
    with pytest.raises(PluginError, match="no_such_module:C could not be imported: ModuleNotFound"):
        declared.check({})
