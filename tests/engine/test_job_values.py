"""What a job gives comes back as it was, and nothing but what its function says it gives."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from loki_bench.engine.job_values import decoded, encoded, type_given_by
from loki_bench.interactions import Sequences
from loki_bench.pipeline.craft import Poison, craft, prepare
from loki_bench.pipeline.defend import defend
from loki_bench.pipeline.measure import Measured, measure
from loki_bench.pipeline.retrain import VictimRanks, evaluate
from loki_bench.pipeline.surrogate import fit_surrogate
from loki_bench.pipeline.training_data import DefenseAnswer
from loki_bench.pipeline.victim_lists import show_lists
from loki_bench.timing import Timed, timed
from loki_bench.tuning import Validated, validate

RANKS = VictimRanks(
    target_ranks=np.array([[1.5, 2.0]]),
    test_ranks=np.array([3.0, 4.0, 5.0]),
    n_training_samples=None,
    report={"epochs": 3.0, "notes": ["a", None, True]},
)


ENCODED = encoded(
    Timed(
        RANKS,
        wall_seconds=1.5,
        cpu_seconds=1.25,
        compile_seconds=0.0,
        peak_memory_bytes=1 << 20,
        host="a machine",
        process={"confined": "full"},
    )
)


@dataclass(frozen=True)
class Part:
    number: int
    word: Literal["one", "two"]


def sent(value, kind):
    return decoded(encoded(value), kind)


def written(node, forms=(), content=b""):
    """The bytes that a job's process writes which does not keep to ``encoded``."""
    text = json.dumps([node, list(forms)]).encode()
    return len(text).to_bytes(8, "big") + text + content


@pytest.mark.parametrize(
    ("job", "value"),
    [
        (evaluate, RANKS),
        (craft, Poison(poison=Sequences.of([[1, 2], [3]]), report={"q": 0.5}, n_queries=2)),
        (prepare, {"policy": np.ones((2, 3), np.float32), "names": np.array(["a", "bc"])}),
        (fit_surrogate, b"\x80\x05 whatever a pickle holds"),
        (show_lists, np.array([[1, -1]], dtype=np.int32)),
        (
            measure,
            Measured(values={"hr@10": 0.5, "map@5": math.nan}, confinement={"map@5": ("reads",)}),
        ),
        (defend, DefenseAnswer(kept=np.array([True, False]), suspicion=None, report={})),
        (validate, Validated(ranks=np.array([1.0]), report={"epochs": 2.0})),
    ],
)
def test_every_job_of_the_house_says_what_it_gives_and_it_comes_back_as_it_was(job, value):
    done = timed(lambda: value)
    back = sent(done, type_given_by(job))
    assert isinstance(back, Timed)
    assert back.costs == done.costs
    assert type(back.value) is type(value)
    np.testing.assert_equal(_plain(back.value), _plain(value))


def _plain(value):
    return vars(value) if hasattr(value, "__dataclass_fields__") else value


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.text("ab$"), inner) | st.tuples(inner, inner)
        ),
        max_leaves=20,
    )
)
def test_plain_data_comes_back_as_it_was(value):
    assert sent(value, object) == value


@pytest.mark.parametrize("dtype", ["?", "<i1", "<u8", "<f4", "<f8", "<U3"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3)])
def test_arrays_come_back_as_they_were(dtype, shape):
    array = np.ones(shape).astype(dtype)
    back = sent({"one": array, "two": array[..., :1] if shape else array}, dict[str, NDArray[Any]])
    assert back["one"].dtype == array.dtype
    np.testing.assert_array_equal(back["one"], array)
    assert not back["one"].flags.writeable


@pytest.mark.parametrize(
    "value", [lambda: None, object(), {1, 2}, np.array([None]), 1j, np.array([1j])]
)
def test_what_is_no_plain_data_is_not_sent(value):
    with pytest.raises(TypeError, match="a job can't give"):
        encoded(value)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1.5, int),
        (True, int),
        (True, float),
        ("1", float),
        (None, int | str),
        ([1, "2"], list[int]),
        ({"a": 1}, dict[str, str]),
        ({1: 1}, Mapping[str, int]),
        ((1, 2, 3), tuple[int, int]),
        (np.zeros(2, np.float32), NDArray[np.float64]),
        ([1.0], NDArray[np.float64]),
        (Part(number=1, word="two"), VictimRanks),
        (Part(number=1, word="three"), Part),
        (Part(number=1.0, word="one"), Part),
        (Part(number=1, word="one"), object),
        (1 << 64, int),
        (math.nan, object),
        ("half \ud800", str),
        ("half \ud800", object),
        (Sequences.of([[1]]), bytes),
    ],
)
def test_another_type_than_the_one_expected_is_refused(value, kind):
    with pytest.raises(ValueError, match=r"."):
        sent(value, kind)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x05K\x01.",
        b"\xff" * 100,
        (20).to_bytes(8, "big") + b"[1,[]]",
        written([1])[:-3],
        written({"array": 0}),
        written({"array": -1}, [["<f8", [1]]], bytes(8)),
        written({"array": 0}, [["<f8", [3]]], bytes(8)),
        written({"array": 0}, [["<f8", [1]]], bytes(16)),
        written({"array": 0}, [["<f8", [-1]]], bytes(8)),
        written({"array": 0}, [["<f8", [10**30]]], bytes(8)),
        written({"array": 0}, [["|O", [1]]], bytes(8)),
        written({"array": 0}, [["|b1", [1]]], b"\x07"),
        written({"array": 0}, [["<f8", [1] * 9]], bytes(8)),
        written({"array": "0"}, [["<f8", [1]]], bytes(8)),
        written({"fields": {"target_ranks": 1}}),
        written({"fields": 7}),
        written({"map": [[1]]}),
        written({"map": [[[1], 1]]}),
        written({"unknown": 1}),
        written(1, [7]),
        (200_000).to_bytes(8, "big") + b"[" * 200_000,
    ],
)
def test_bytes_that_hold_no_value_are_refused_in_a_sentence(content):
    for kind in (object, VictimRanks, NDArray[np.float64], dict[str, int], Timed[VictimRanks]):
        with pytest.raises(ValueError, match=r"."):
            decoded(content, kind)


@given(st.data())
def test_changed_bytes_are_a_value_of_the_type_or_refused(data):
    content = bytearray(ENCODED)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    content = (
        content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    )
    try:
        value = decoded(bytes(content), Timed[VictimRanks])
    except ValueError:
        return
    assert isinstance(value.value, VictimRanks)
    assert value.value.target_ranks.dtype == np.float64


def test_a_function_that_does_not_say_what_it_gives_gives_plain_data():
    assert type_given_by(lambda: 1) is object
    assert type_given_by(print) is object
    assert type_given_by(evaluate) == Timed[VictimRanks]
