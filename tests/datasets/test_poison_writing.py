"""Every form of poison is read back to the same fake users, or refused with a form that is."""

import re
from typing import get_args

import pytest

from loki_bench.datasets.poison_files import read_poison_file
from loki_bench.datasets.poison_writing import NamedPoison, PoisonFormat, written_poison
from loki_bench.datasets.reading import Reading
from loki_bench.errors import UsageError

FORMS = get_args(PoisonFormat)
NAMES = [
    *("New York", "a,1", "a;1", "a|1", "a::1", "a:1", "a\tb", "a\nb", "a\rb", "a\r\nb"),
    *('say "x"', '"x"', '"x', "'x'", " x", "x ", "a\u00a0b", "\u3000a", "a\u2028b", "a\x1fb"),
    *("#a", "%a", "[a, b]", "{a}", "2009-05-04", "1600000000", "4.5", "user_id", "nan", ""),
    *("caf\u00e9", "sep=;", "a, b; c | d", "target_items"),
]


def poison_of(*names):
    """Two fake users whose items have these names, and two that are like any."""
    return NamedPoison(
        users=("fake0", "fake1"),
        rows=((names[0], "plain", *names[1:]), ("plain", *names, "other")),
        targets=(names[0],),
        target_users=(),
    )


@pytest.fixture
def read_back(tmp_path):
    """What ``replay`` reads of the file that a form makes, with the word that it is told."""

    def read(poison, form):
        path = tmp_path / f"poison.{form}"
        path.write_bytes(written_poison(poison, form))
        given = form if form in ("sequences", "pairs") else "auto"
        return read_poison_file(path, Reading(dataset="replay", format=given))

    return read


def check(read_back, poison, form):
    """Whether a form holds a poison; where not, one that its message names does."""
    try:
        found = read_back(poison, form)
    except UsageError as error:
        message = str(error)
        assert "\n" not in message
        for other in re.split(", | or ", message.rpartition("; choose ")[2]):
            assert read_back(poison, other).rows == poison.rows
        return False
    assert (found.users, found.rows) == (poison.users, poison.rows)
    assert found.targets == (() if form == "inter" else poison.targets)
    return True


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_name_is_read_back_or_refused_with_a_form_that_holds_it(read_back, name, form):
    check(read_back, poison_of(name), form)
    check(read_back, poison_of(name, "a,b", "plain,7"), form)


@pytest.mark.parametrize(
    ("form", "names"),
    [
        ("json", NAMES),
        ("npz", NAMES),
        ("csv", ["New York", "a,1", "a;1", "a|1", "a::1", 'say "x"', "a\tb", " x", "a\u00a0b"]),
        ("inter", ["New York", "a,1", "a;1", "a|1", "a::1", '"x', " x", "a\u00a0b"]),
        ("pairs", ["New York", "a;1", "a|1", "a::1", '"x', " x", "a\u00a0b"]),
        ("sequences", ["a,1", "a;1", "a|1", "a::1", '"x', "a\u00a0b", "\u3000a"]),
    ],
)
def test_what_a_form_can_hold_is_written(read_back, form, names):
    for name in names:
        assert check(read_back, poison_of(name), form), name


@pytest.mark.parametrize(
    ("name", "form", "message"),
    [
        ("New York", "sequences", "where a blank ends a name; choose json, csv or npz"),
        ("a\tb", "pairs", "where a tab ends a name; choose json, csv or npz"),
        ("a\nb", "inter", "where the end of a line ends a name; choose json or npz"),
        ("nan", "csv", "is 'nan', which means that it is missing); choose json"),
    ],
)
def test_a_name_that_a_form_can_not_hold_is_named(name, form, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        written_poison(poison_of(name), form)
