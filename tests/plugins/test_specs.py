"""What a spec says of its component: former words, and the present ones that replace them."""

import warnings

import pytest

from loki_bench.content_ids import content_id
from loki_bench.errors import ParameterError
from loki_bench.plugins.registry import Origin
from loki_bench.plugins.search_space import Choices, FloatRange, IntRange
from loki_bench.plugins.specs import (
    AttackerSpec,
    DefenseSpec,
    InfluenceEstimatorSpec,
    MetricSpec,
    RecommenderSpec,
)
from loki_bench.suite.components import resolve

ORIGIN = Origin(distribution="made-up", version="1.0")


class Threshold:
    """A component whose parameter ``level`` was once called ``cut``, and "high" once "strict"."""

    def __init__(self, *, level: str = "high", share: float = 0.5) -> None:
        self.level, self.share = level, share


SPEC = DefenseSpec(
    name="threshold",
    summary="A made-up one",
    target=f"{__name__}:Threshold",
    former_parameters={"cut": "level"},
    former_values={"level": {"strict": "high", "lax": "low"}},
)


@pytest.fixture(autouse=True)
def spec_finds_its_target(monkeypatch):
    monkeypatch.setattr(DefenseSpec, "resolve", lambda self: Threshold)


def resolved(**given):
    return resolve(SPEC, ORIGIN, given)


@pytest.mark.parametrize(
    ("old", "present", "message"),
    [
        ({"cut": "low"}, {"level": "low"}, "parameter 'cut' is now called 'level'"),
        ({"level": "lax"}, {"level": "low"}, "level = 'lax' is now called 'low'"),
        ({"level": "strict"}, {"level": "high"}, "level = 'strict' is now called 'high'"),
    ],
)
def test_a_former_word_is_taken_with_a_warning_and_leads_to_the_same_id(old, present, message):
    with pytest.warns(FutureWarning, match=f"defense 'threshold': {message}"):
        by_old = resolved(**old)
    by_present = resolved(**present)
    assert by_old == by_present
    assert content_id(by_old.identity) == content_id(by_present.identity)
    assert by_old.label == by_present.label


def test_a_former_name_with_a_former_value_is_taken_too():
    with pytest.warns(FutureWarning) as caught:
        assert resolved(cut="lax") == resolved(level="low")
    assert len(caught) == 2


def test_a_component_is_built_from_former_words_too():
    with pytest.warns(FutureWarning):
        assert SPEC.build({"cut": "lax"}).level == "low"


def test_present_words_give_no_warning_and_other_values_are_left_alone():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert resolved(level="low", share=0.1).changed == {"level": "low", "share": 0.1}
        assert SPEC.build({"level": "unheard-of"}).level == "unheard-of"


@pytest.mark.parametrize("order", [["cut", "level"], ["level", "cut"]])
def test_a_parameter_under_both_its_names_is_refused(order):
    with pytest.raises(ParameterError, match="was given 'level' twice: 'cut' is its former name"):
        SPEC.build(dict.fromkeys(order, "low"))


def test_needs_that_are_no_set_are_refused_by_name():
    with pytest.raises(
        ValueError, match=r"attacker 'mine': its needs are \('history',\); .* such as frozenset"
    ):
        AttackerSpec(name="mine", summary="Mine", target="a:B", needs=("history",))


def metric(name, **given):
    return MetricSpec(
        name=name,
        summary="A made-up one",
        target="made_up:metric",
        higher_is="neither",
        range=(0.0, 1.0),
        unit="share",
        purpose="attack",
        **given,
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("rank", "metric 'rank': its name is what a column of every table or data frame is called"),
        ("n_seeds", "metric 'n_seeds': .*; choose another name"),
        ("mine_low", "metric 'mine_low': .* or ends in _low or _high as an interval's end does"),
    ],
)
def test_a_metric_can_not_be_called_as_a_column_of_a_table(name, why):
    with pytest.raises(ValueError, match=why):
        metric(name)
    assert metric(name, takes_k=True).name == name  # its column is called rank@10
    assert metric(f"{name}-of-targets").name == f"{name}-of-targets"


@pytest.mark.parametrize("value", [None, "yes", 1])
def test_a_field_that_is_no_truth_value_is_refused_by_name(value):
    with pytest.raises(
        ValueError, match=f"recommender 'mine': its differentiable is {value!r}; expected True or"
    ):
        RecommenderSpec(
            name="mine", summary="Mine", target="a:B", uses_order=True, differentiable=value
        )


@pytest.mark.parametrize("bounds", [(1.0, 0.0), (0.0,), 1.0, (float("nan"), 1.0), ("0", "1")])
def test_a_metric_without_a_range_is_refused_by_name(bounds):
    with pytest.raises(ValueError, match=r"metric 'mine': its range is .* such as \(0\.0, 1\.0\)"):
        MetricSpec(
            name="mine",
            summary="Mine",
            target="a:b",
            higher_is="neither",
            range=bounds,
            unit="share",
            purpose="attack",
        )


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Choices("decay", (None, 0.5)), r"choices of .* each text, .* got \(None, 0\.5\)"),
        (lambda: FloatRange("decay", "0", 1.0), r"range of .* got '0' to 1\.0"),
        (lambda: FloatRange("decay", False, 1.0), "range of .* got False to"),
        (lambda: IntRange("decay", 0, 1.5), r"range of .* expected whole low < high, .* 0 to 1\.5"),
    ],
)
def test_a_range_to_search_holds_what_a_suite_could_give(make, expected):
    with pytest.raises(ValueError, match=expected):
        make()


def test_what_a_constructor_refuses_is_told_with_the_components_name():
    with pytest.raises(ParameterError, match=r"influence estimator 'cg': .*damping must be a numb"):
        InfluenceEstimatorSpec(
            name="cg",
            summary="Conjugate gradients",
            target="loki_bench.influence.estimators.cg:ConjugateGradientInfluence",
        ).build({"damping": -1.0})
    named = AttackerSpec(
        name="random", summary="Random", target="loki_bench.attackers.random_items:RandomAttack"
    )
    with pytest.raises(ParameterError, match=r"^attacker 'random': random_per_target must be"):
        named.build({"random_per_target": "2"})
