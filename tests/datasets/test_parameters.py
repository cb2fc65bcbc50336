"""Parameters of dataset 'file': a wrong type or value is one sentence, never a traceback."""

import pytest

from loki_bench import builtin
from loki_bench.errors import ParameterError


@pytest.fixture
def build():
    spec = next(s for s in builtin.loki_bench_datasets() if s.name == "file")
    return lambda **parameters: spec.build({"path": "data.csv", **parameters})


WRONG = [0, 2.5, "x", True, [], ["a", 1], [[1]], {}, {"a": 1.5}, -1, "", [""], float("nan"), "a\nb"]
PARAMETERS = {
    "path": ("x", ["a", "b"]),
    "validation_path": (),
    "test_path": ("x",),
    "format": ("csv",),
    "separator": ("::", " "),
    "encoding": ("latin-1", "utf-16"),
    "columns": (["user_id", "item_id"],),
    "header": (True, False),
    "user_column": ("x", 0),
    "item_column": ("x", 1),
    "timestamp_column": ("x", 2, "", ["date", 3]),
    "times": ("auto", "%d/%m/%Y"),
    "rating_column": ("x", 2),
    "min_rating": (4, 3.5),
    "where": ({"event": "view"}, {"event": ["view", "cart"]}, {"label": 1}),
    "missing": ("error", "drop"),
    "duplicates": ("error", "drop"),
    "repeats": ("keep", "drop-later"),
    "last_events": (2, None),
    "k_core": (0, 5),
    "n_items": (1, None),
}


@pytest.mark.parametrize("parameter", PARAMETERS)
@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_a_value_of_a_wrong_kind_is_taken_or_refused_by_its_name(build, parameter, value):
    refusal = ""
    try:
        build(**{parameter: value})
    except ParameterError as error:
        refusal = str(error)
    assert not refusal or ("dataset 'file': " in refusal and parameter in refusal)


@pytest.mark.parametrize(
    ("parameter", "value"), [(p, v) for p, values in PARAMETERS.items() for v in values]
)
def test_every_value_that_is_documented_is_taken(build, parameter, value):
    assert build(**{parameter: value})


@pytest.mark.parametrize(
    ("form", "said"),
    [("%d/%d/%Y", "redefinition of group"), ("%Y %H:%M %H", "name each part of a time once")],
)
def test_a_form_of_times_that_names_a_part_twice_is_refused(build, form, said):
    with pytest.raises(ParameterError, match=said):
        build(times=form)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_items": 30.5}, "n_items is 30.5; it must be a whole number from 1"),
        ({"n_items": "30"}, "n_items is '30'; it must be a whole number from 1"),
        ({"k_core": "five"}, "k_core is 'five'"),
        ({"user_column": -1}, "user_column is -1; columns are numbered from 0"),
        ({"user_column": True}, "user_column is True"),
        ({"user_column": "a", "item_column": "a"}, "user_column and item_column are both 'a'"),
        ({"columns": ["a", "b", "a"]}, "columns lists 'a' twice"),
        ({"separator": "x"}, "separator is 'x'"),
        ({"encoding": "klingon"}, "encoding is 'klingon'"),
        ({"encoding": "hex"}, "encoding is 'hex'"),
        ({"times": "iso"}, "times is 'iso'"),
        ({"where": {"event": []}}, "where is"),
        ({"min_rating": "4"}, "min_rating is '4'"),
        ({"validation_path": "x"}, "test_path is not"),
    ],
)
def test_what_is_wrong_is_said(build, parameters, message):
    with pytest.raises(ParameterError) as caught:
        build(**parameters)
    assert message in str(caught.value)
