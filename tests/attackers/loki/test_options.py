import re

import pytest

from loki_bench.attackers.loki.attacker import Loki
from loki_bench.errors import ParameterError


def test_the_paper_preset_is_section_three_as_written():
    options = Loki(preset="paper")._options
    assert (options.reward, options.items, options.clicks_per_target) == ("influence", "uniform", 0)
    assert (options.decision, options.serving) == ("estimate", "all-users")
    assert not options.interleave
    assert not options.motifs
    assert options.value_targets == "one-step"


def test_a_parameter_that_is_given_beats_the_preset():
    assert Loki(preset="paper", reward="contrast")._options.reward == "contrast"
    assert Loki(clicks_per_target=0)._options.clicks_per_target == 0


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("preset", "best", "one of default, paper"),
        ("decision", "agent", "one of simulator, simulator-rows, estimate"),
        ("serving", "two", "one of one-user, all-users"),
        ("target_order", "first", "one of rarest, value"),
        ("value_targets", "td", "one of one-step, return-to-go"),
        ("preset", ["paper"], "one of default, paper"),
        ("last_items", "next", "one of known, predicted"),
        ("decision", ["simulator"], "one of simulator, simulator-rows, estimate"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_name(name, value, expected):
    with pytest.raises(ParameterError, match=re.escape(f"{name} = {value!r}, expected {expected}")):
        Loki(**{name: value})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("list_length", 0, "a whole number from 1"),
        ("n_trials", 2.0, "a whole number from 1"),
        ("n_rounds", -1, "a whole number from 0"),
        ("n_iterations", 0, "a whole number from 1"),
        ("n_clusters", -1, "a whole number from 0"),
        ("n_factors", 0, "a whole number from 1"),
        ("clicks_per_target", 1.5, "a whole number from 0"),
        ("stealth", -0.5, "a number 0 or more"),
        ("stealth", "much", "a number 0 or more"),
        ("stealth", float("nan"), "a number 0 or more"),
        ("crafting_epsilon", 2.0, "a number 0 or more and at most 1"),
        ("crafting_epsilon", "0.5", "a number 0 or more and at most 1"),
        ("motifs", "no", "true or false"),
        ("interleave", "false", "true or false"),
        ("skip_nondifferentiable", "false", "true or false"),
        ("check_estimates", 1, "true or false"),
    ],
)
def test_a_number_or_flag_that_means_something_else_is_refused_by_name(name, value, expected):
    message = f"attacker 'loki': {name} must be {expected}, got {value!r}"
    with pytest.raises(ParameterError, match=re.escape(message)):
        Loki(**{name: value})


@pytest.mark.parametrize(
    ("values", "who"),
    [
        ({"stealth": 0.5, "decision": "estimate"}, "stealth"),
        ({"last_items": "predicted", "serving": "all-users"}, "last_items"),
    ],
)
def test_an_option_that_another_leaves_nothing_to_do_is_refused(values, who):
    with pytest.raises(ParameterError, match=f"{who} = .*, expected .*, since"):
        Loki(**values)
