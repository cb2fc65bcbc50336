"""Read a file of poison, in any of the forms that fake users come in."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeGuard

import numpy as np

from loki_bench.bounded_files import refuse_irregular
from loki_bench.datasets.arrow_arrays import is_text
from loki_bench.datasets.column_choice import refuse_times
from loki_bench.datasets.data_file import DataFile, open_data_file
from loki_bench.datasets.files import read_table, reading_of
from loki_bench.datasets.filters import RowFilters, SequenceFilters
from loki_bench.datasets.layout import Layout
from loki_bench.datasets.named_rows import NamedRows
from loki_bench.datasets.names import check_spelling, names_of
from loki_bench.datasets.object_lines import keys_of, why_unreadable
from loki_bench.datasets.poison_arrays import is_numpy_file, read_arrays
from loki_bench.datasets.reading import Reading
from loki_bench.datasets.recognise import recognise
from loki_bench.datasets.recognised import described
from loki_bench.datasets.row_filters import choose_rows
from loki_bench.errors import DatasetError

__all__ = ["read_poison_file"]

_MOST_JSON = 1 << 30
_KEYS = ("fake_users", "target_items", "targets", "target_users")
_FORM = (
    '{"target_items": ["i3"], "fake_users": {"fake0": ["i3", "i7"], ...}}, or a list with a list '
    "of items for each fake user"
)
_BEGINS = re.compile(
    rb"""\s*(\[\s*\[|\{\s*("(fake_users|target_items|targets|target_users)"|'fake_users')\s*:)"""
)
"""How JSON of fake users begins, whole or not; no object of one event does."""
_COMMENT = re.compile(rb"#\s*(?P<key>target_items|targets|target_users)\s*:(?P<names>.*)")
"""How a text says what its poison is for: ``# target_items: ["i3", "i5"]``."""


def read_poison_file(path: Path, reading: Reading) -> NamedRows:
    """The rows of a file: fake users, or genuine ones with fake ones behind them.

    Every form that the dataset ``file`` reads, and JSON and NumPy files of fake users. Times are
    used where the column that ``reading`` names is there; else the order is the file's. Nothing
    is dropped, and no event counts as a duplicate.

    Parameters
    ----------
    reading : Reading
        As of a dataset; "timestamp", which nobody need have asked for, is left out of the columns
        of times where the file has none. Any other name is refused where the form has no columns.

    Raises
    ------
    DatasetError
        One sentence: the file, the line, what is wrong with it and what to do.
    """
    try:
        refuse_irregular(path)
        if is_numpy_file(path):
            refuse_times(reading, path, "NumPy arrays")
            return read_arrays(path)
    except OSError as error:
        raise DatasetError(
            f"attacker '{reading.dataset}': {path.absolute()}: {error.strerror or error}; check "
            "the path"
        ) from error
    except ValueError as error:  # a null byte in the path
        raise DatasetError(f"attacker '{reading.dataset}': {str(path)!r}: {error}") from error
    file = open_data_file(path, dataset=reading.dataset, encoding=reading.encoding)
    if not file.parquet and reading.format in ("auto", "json"):
        found = _json(file)
        if found is not None:
            refuse_times(reading, path, "lists of items in JSON")
            return found
    return _events(file, reading)


def _events(file: DataFile, reading: Reading) -> NamedRows:
    """Users in the order in which they come first, each with the events by time."""
    layout = recognise(file, reading)
    reading = reading_of(layout, _with_times_there(file, layout, reading), file.path)
    # a second line of a user is refused: the table does not say which events came first
    table = read_table(file, layout, reading, SequenceFilters())
    chosen = choose_rows(table, reading, RowFilters())
    users, items = names_of(chosen.users), names_of(chosen.items)
    for names, what in ((users, "user"), (items, "item")):
        check_spelling(names, what, path=file.path, place=chosen.origin.place)
    firsts = np.full(len(users), len(users.numbers), dtype=np.int64)
    np.minimum.at(firsts, users.numbers, np.arange(len(users.numbers)))
    keys = () if chosen.times is None else tuple(reversed(chosen.times.keys))
    order = np.lexsort((np.arange(len(users.numbers)), *keys, firsts[users.numbers]))
    tokens = items.names.to_pylist()
    in_order = [tokens[number] for number in items.numbers[order].tolist()]
    by_first = np.argsort(firsts)
    lengths = np.bincount(users.numbers, minlength=len(users))[by_first]
    ends = np.cumsum(lengths).tolist()
    named = users.names.to_pylist()
    told = _told(file, layout)
    return NamedRows(
        path=file.path,
        rows=tuple(
            tuple(in_order[end - length : end])
            for end, length in zip(ends, lengths.tolist(), strict=True)
        ),
        users=tuple(named[user] for user in by_first.tolist()),
        user_leads=layout.kind == "sequences",
        targets=told.get("target_items", ()),
        target_users=told.get("target_users", ()),
        recognised=described(file, layout, reading),
    )


def _with_times_there(file: DataFile, layout: Layout, reading: Reading) -> Reading:
    if layout.kind in ("table", "inter"):
        there: Sequence[str] = layout.columns
    elif layout.kind in ("json lines", "literal lines", "json array", "parquet"):
        there = _keys(file, layout)
    else:
        return reading
    # any other name was given by somebody, and whoever reads the file says that it is not there
    unasked = set(Reading.timestamp_columns) - set(there)
    columns = tuple(c for c in reading.timestamp_columns if c not in unasked)
    return replace(reading, timestamp_columns=columns)


def _keys(file: DataFile, layout: Layout) -> Sequence[str]:
    if layout.kind == "parquet":
        # imports a library that no other layout needs
        from loki_bench.datasets.parquet_tables import column_names

        return column_names(file)
    return keys_of(file, layout)


def _told(file: DataFile, layout: Layout) -> dict[str, tuple[str, ...]]:
    """What comments on top of a text say of its targets."""
    found: dict[str, tuple[str, ...]] = {}
    lines = [pair for pair in enumerate(file.head.splitlines(), start=1) if pair[1].strip()]
    for number, line in lines[: layout.n_comments]:
        comment = _COMMENT.match(line)
        if comment is None:
            continue
        key = comment["key"].decode()
        names = _listed(comment["names"], f"{file.path}, line {number}", key)
        key = "target_items" if key == "targets" else key
        if found.setdefault(key, names) is not names:
            raise DatasetError(
                f"{file.path}, line {number}: a comment above it says its {key} already; keep one "
                "of the two"
            )
    return found


def _listed(text: bytes, place: str, key: str) -> tuple[str, ...]:
    """The names behind a comment's key, which must not be lost where they are misspelt."""
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        names = None
    if not _are_names(names):
        raise DatasetError(
            f"{place}: its comment '{key}' holds no list of names in JSON; write "
            f'# {key}: ["i3", "i5"]'
        )
    return tuple(map(str, names))


def _json(file: DataFile) -> NamedRows | None:
    """The rows of a JSON file of fake users; None where it is none."""
    first = file.head.lstrip()[:1]
    if first not in (b"{", b"["):
        return None
    raw = bytearray()
    for block in file.blocks():
        raw += block
        if len(raw) > _MOST_JSON:
            raise DatasetError(f"{file.path}: it has more than {_MOST_JSON} bytes of JSON")
    try:
        content = json.loads(raw, object_pairs_hook=_without_repeats)
    except _RepeatedKeyError as error:
        raise DatasetError(
            f"{file.path}: it has the key {str(error)!r} twice, and one of them would be lost; "
            "give each fake user a name of its own"
        ) from error
    except (ValueError, RecursionError) as error:
        if _BEGINS.match(raw) and not _is_event(raw.lstrip().splitlines()[0]):
            raise DatasetError(
                f"{file.path}: it is no whole JSON ({why_unreadable(error)}); check that it was "
                f"written whole; expected {_FORM}"
            ) from error
        return None  # objects on lines, or nothing that is JSON
    if not content:
        raise DatasetError(f"{file.path}: there is no fake user in it; expected {_FORM}")
    if isinstance(content, list):
        if content and all(isinstance(row, dict) for row in content):
            return None
        return _of_json(file.path, content, {})
    if not any(key in content for key in _KEYS):
        if any(isinstance(value, list | dict) for value in content.values()):
            raise DatasetError(
                f"{file.path}: it is a JSON object with the keys "
                f"{', '.join(map(repr, list(content)[:6]))}; expected {_FORM}"
            )
        return None
    unknown = next((key for key in content if key not in _KEYS), None)
    if unknown is not None or "fake_users" not in content:
        what = "lacks 'fake_users'" if unknown is None else f"has an unknown key {unknown!r}"
        raise DatasetError(f"{file.path}: it {what}; expected {_FORM}")
    return _of_json(file.path, content["fake_users"], content)


def _is_event(line: bytearray) -> bool:
    """Whether a line is an object of its own, though one of its keys may be that of targets."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and "fake_users" not in content


class _RepeatedKeyError(Exception):
    """An object of JSON has a key twice; the text is the key."""


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _RepeatedKeyError(next(key for key in keys if keys.count(key) > 1))
    return found


def _of_json(path: Path, fake_users: object, content: dict[str, object]) -> NamedRows:
    if isinstance(fake_users, dict):
        users, rows = (
            _tokens(list(fake_users), path, "what 'fake_users' has"),
            [*fake_users.values()],
        )
    elif isinstance(fake_users, list):
        users, rows = (), fake_users
    else:
        raise DatasetError(f"{path}: its fake users are no list; expected {_FORM}")
    if "targets" in content and "target_items" in content:
        raise DatasetError(f"{path}: it has both 'targets' and 'target_items'; keep one of them")
    targets = content.get("target_items", content.get("targets", []))
    return NamedRows(
        path=path,
        rows=tuple(
            _tokens(row, path, f"fake user {users[n] if users else n + 1}")
            for n, row in enumerate(rows)
        ),
        users=users,
        targets=_tokens(targets, path, "target_items"),
        target_users=_tokens(content.get("target_users", []), path, "target_users"),
        recognised="JSON of fake users",
    )


def _tokens(value: object, path: Path, what: str) -> tuple[str, ...]:
    if not _are_names(value):
        raise DatasetError(f"{path}: {what} is no list of names; expected {_FORM}")
    return tuple(map(str, value))


def _are_names(value: object) -> TypeGuard[list[str | int]]:
    return isinstance(value, list) and all(
        (isinstance(name, int) and not isinstance(name, bool))
        or (isinstance(name, str) and is_text(name))
        for name in value
    )
