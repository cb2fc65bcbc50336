"""Specs survive the way to the host as data; whatever is no spec is refused with a sentence."""

import json
import math
import re
from contextlib import suppress
from importlib.metadata import EntryPoint

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki_bench.plugins.registry import declared_by
from loki_bench.plugins.search_space import Choices, FloatRange, IntRange
from loki_bench.plugins.spec_data import data_of, spec_of
from loki_bench.plugins.specs import AttackerSpec, ConditionalNeed, MetricSpec, RecommenderSpec
from loki_bench.plugins.target_facts import ParameterInfo, TargetFacts, parameters_of

NO_FACTS = TargetFacts(parameters=())

ATTACK = AttackerSpec(
    name="mine",
    summary="For tests",
    target="a.b:C",
    reference="A paper",
    former_parameters={"old": "new"},
    former_values={"new": {"was": "is"}},
    needs=frozenset({"history", "queries"}),
    influence="lissa",
    influence_parameters={"damping": 0.5, "layers": [1, 2], "name": "x"},
    prepares=True,
    needs_when=(ConditionalNeed(parameter="weights", value="fit", need="queries"),),
)
TUNED = RecommenderSpec(
    name="tuned",
    summary="For tests",
    target="a:B",
    uses_order=True,
    differentiable=False,
    search=(
        FloatRange("rate", 0.01, 0.3, log=True),
        IntRange("layers", 1, 3),
        Choices("size", (32, 64, "large", True)),
    ),
)
UNBOUNDED = MetricSpec(
    name="distance",
    summary="For tests",
    target="a:b",
    higher_is="neither",
    range=(-math.inf, math.inf),
    unit="events",
    purpose="stealth",
    takes_k=True,
)


def sent(spec, facts=NO_FACTS):
    return json.loads(json.dumps(data_of(spec, facts), allow_nan=False))


@pytest.mark.parametrize("spec", [ATTACK, TUNED, UNBOUNDED], ids=lambda spec: spec.name)
def test_a_spec_arrives_as_it_was(spec):
    assert spec_of(sent(spec)) == spec


@pytest.mark.parametrize(
    "module",
    [
        "loki_bench.builtin",
        "loki_bench_recbole.hooks",
        "loki_bench_defenses.hooks",
        "loki_bench_attacks.hooks",
    ],
)
def test_every_spec_of_this_projects_own_arrives_as_it_was(module):
    pytest.importorskip(module)
    for spec in declared_by(EntryPoint(name="x", value=module, group="loki_bench")):
        assert spec_of(sent(spec)) == spec


def test_the_parameters_of_a_target_arrive_and_are_asked_without_importing_it():
    def target(needed, *, noise: float = 0.5, words: "tuple" = ("a",), nothing=None):
        raise AssertionError("nobody calls it")

    received = spec_of(sent(ATTACK, TargetFacts(parameters=parameters_of(target))))
    needed, noise, words, nothing = received.parameters().values()
    assert needed == ParameterInfo(
        name="needed", required=True, default=None, is_plain=False, shown="needed"
    )
    assert (noise.required, noise.default, noise.is_plain) == (False, 0.5, True)
    assert str(noise) == "noise: float = 0.5"
    assert (words.required, words.default, words.is_plain) == (False, None, False)
    assert (nothing.required, nothing.default, nothing.is_plain) == (False, None, True)


def test_a_default_that_is_written_in_lines_arrives_in_one():
    class Square:
        def __repr__(self):
            return "array([[1., 0.],\n       [0., 1.]])" + " " * 2000 + "\x1b"

    def target(mixing=Square()):  # noqa: B008
        raise AssertionError("nobody calls it")

    received = spec_of(sent(ATTACK, TargetFacts(parameters=parameters_of(target))))
    assert str(received.parameters()["mixing"]).startswith("mixing=array([[1., 0.], [0., 1.]])")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("prepares", None, "its prepares can't be taken: a NoneType where true or false"),
        ("influence_parameters", {"a": {}}, "its influence_parameters can't be taken: a dict"),
        ("needs_when", [{}], "its needs_when can't be taken: 'parameter'"),
    ],
)
def test_an_error_names_the_component_and_the_field(field, value, sentence):
    with pytest.raises(ValueError, match=re.escape(f"attacker 'mine': {sentence}")):
        spec_of({**sent(ATTACK), field: value})


def test_an_error_names_the_parameter_whose_default_it_is():
    def target(size=1 << 70):
        raise AssertionError("nobody calls it")

    with pytest.raises(
        ValueError, match=r"attacker 'mine': .* default of its parameter 'size' is a"
    ):
        spec_of(sent(ATTACK, TargetFacts(parameters=parameters_of(target))))


def test_a_field_that_is_no_plain_data_is_named():
    odd = AttackerSpec(
        name="mine", summary="x", target="a:B", influence_parameters={"model": object()}
    )
    with pytest.raises(ValueError, match="'mine': its influence_parameters can't be told as data"):
        data_of(odd, NO_FACTS)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "victim"),
        ("kind", None),
        ("name", 7),
        ("name", "two\nlines"),
        ("name", "half-\ud800"),
        ("name", "a" * 101),
        ("summary", "a\nb"),
        ("summary", "\x1b[31mred"),
        ("summary", ""),
        ("target", "no target"),
        ("target", "os:system\n"),
        ("reference", "x" * 5000),
        ("reference", "half \udfff"),
        ("needs", "history"),
        ("needs", [1]),
        ("needs_when", [{"parameter": "a"}]),
        ("needs_when", [[]]),
        ("influence_parameters", {"a": {"b": 1}}),
        ("influence_parameters", {"a": [[1]]}),
        ("prepares", 1),
        ("former_parameters", [1]),
        ("former_values", {"a": {"b": 3}}),
        ("target_facts", None),
        ("target_facts", {"parameters": [{}], "problem": ""}),
        ("target_facts", {"parameters": ["x"] * 100_000, "problem": ""}),
    ],
)
def test_data_that_is_no_spec_is_refused(field, value):
    data = {**sent(ATTACK), field: value}
    with pytest.raises((ValueError, KeyError)):
        spec_of(data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("higher_is", "better for me"),
        ("purpose", ""),
        ("range", [1.0]),
        ("range", [1.0, 0.0]),
        ("range", [{"infinite": "nan"}, 1.0]),
        ("range", "01"),
        ("takes_k", "yes"),
    ],
)
def test_a_metric_that_is_none_is_refused(field, value):
    with pytest.raises(ValueError, match=r".+"):
        spec_of({**sent(UNBOUNDED), field: value})


@pytest.mark.parametrize(
    "search",
    [
        [{"range": "Range", "parameter": "a"}],
        [{"range": "IntRange", "parameter": "a", "low": 1.5, "high": 2, "log": False}],
        [{"range": "FloatRange", "parameter": "a", "low": 2, "high": 1, "log": False}],
        [{"range": "Choices", "parameter": "a", "values": [1]}],
        [{"range": "Choices", "parameter": "a", "values": [[1], [2]]}],
    ],
)
def test_a_search_space_that_is_none_is_refused(search):
    with pytest.raises(ValueError, match=r".+"):
        spec_of({**sent(TUNED), "search": search})


@pytest.mark.parametrize("data", [None, [], "text", 1, {}, {"kind": "attacker"}])
def test_what_is_no_table_of_all_fields_is_refused(data):
    with pytest.raises(ValueError, match=r".+"):
        spec_of(data)


def test_a_field_that_no_spec_has_is_refused():
    with pytest.raises(ValueError, match="other fields"):
        spec_of({**sent(ATTACK), "kind_of": "x"})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda part: (
        st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part, max_size=3)
    ),
    max_leaves=5,
)
FIELDS = st.sampled_from(
    [(spec, name) for spec in (ATTACK, TUNED, UNBOUNDED) for name in sent(spec)]
)


@given(field=FIELDS, value=VALUES)
def test_whatever_stands_in_a_field_makes_a_spec_or_an_error_that_the_host_expects(field, value):
    spec, name = field
    with suppress(KeyError, TypeError, ValueError, OverflowError):
        assert spec_of({**sent(spec), name: value}).kind == spec.kind
