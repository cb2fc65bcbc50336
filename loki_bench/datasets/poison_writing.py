"""Write fake users by name, in the forms that the attacker ``replay`` reads."""

import csv
import io
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeAlias

import numpy as np

from loki_bench.datasets.poison_files import read_poison_file
from loki_bench.datasets.reading import Format, Reading
from loki_bench.errors import DatasetError, UsageError

__all__ = ["NamedPoison", "PoisonFormat", "written_poison"]

PoisonFormat: TypeAlias = Literal["json", "sequences", "pairs", "csv", "inter", "npz"]

_BETWEEN = {"sequences": " \t\r\n", "pairs": "\t\r\n", "inter": "\t\r\n"}
"""What ends a name in a form that has no quotes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NamedPoison:
    """Fake users by name, and what they are for.

    Attributes
    ----------
    users : tuple of str
        Names of the fake users, none of them that of a genuine one.
    rows : tuple of tuple of str
        Of each, its items, oldest first.
    targets, target_users : tuple of str
    """

    users: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    targets: tuple[str, ...]
    target_users: tuple[str, ...]


def written_poison(poison: NamedPoison, form: PoisonFormat) -> bytes:
    """The content of a file.

    "json" and "npz" hold targets and target users; "sequences" (one line a user), "pairs" (a user
    and an item a line) and "csv" do in comments on top; RecBole's "inter" has no place for them.

    Raises
    ------
    UsageError
        A name holds what the form separates names by, or the form can't be read back to the same
        fake users; the message names a form that can.
    """
    if form == "json":
        return _json(poison)
    _refuse_separators(poison, form)
    content = _npz(poison) if form == "npz" else _of_lines(poison, form)
    _refuse_other_rows(content, poison, form)
    return content


def _of_lines(poison: NamedPoison, form: PoisonFormat) -> bytes:
    if form == "sequences":
        lines = [" ".join((u, *row)) for u, row in zip(poison.users, poison.rows, strict=True)]
        return _text([*_comments(poison), *lines])
    if form == "pairs":
        return _text(
            [*_comments(poison), *(f"{user}\t{item}" for user, item, _ in _events(poison))]
        )
    if form == "inter":
        header = "user_id:token\titem_id:token\ttimestamp:float"
        return _text([header, *(f"{u}\t{i}\t{time}" for u, i, time in _events(poison))])
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerows([("user_id", "item_id", "timestamp"), *_events(poison)])
    return _text([*_comments(poison), table.getvalue().rstrip("\n")])


def _events(poison: NamedPoison) -> list[tuple[str, str, int]]:
    """User, item and time; times rise over all, so that no two are tied."""
    return [
        (user, item, time)
        for time, (user, item) in enumerate(
            (
                (user, item)
                for user, row in zip(poison.users, poison.rows, strict=True)
                for item in row
            ),
            start=1,
        )
    ]


def _json(poison: NamedPoison) -> bytes:
    content = {
        "target_items": list(poison.targets),
        "target_users": list(poison.target_users),
        "fake_users": {
            user: list(row) for user, row in zip(poison.users, poison.rows, strict=True)
        },
    }
    lines = json.dumps(content, ensure_ascii=False)
    return (lines + "\n").encode()


def _npz(poison: NamedPoison) -> bytes:
    buffer = io.BytesIO()
    lengths = [len(row) for row in poison.rows]
    np.savez_compressed(
        buffer,
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        items=np.array(list(itertools.chain.from_iterable(poison.rows)), dtype=str),
        users=np.array(poison.users, dtype=str),
        targets=np.array(poison.targets, dtype=str),
        target_users=np.array(poison.target_users, dtype=str),
    )
    return buffer.getvalue()


def _comments(poison: NamedPoison) -> list[str]:
    return [
        f"# {key}: {json.dumps(list(names), ensure_ascii=False)}"
        for key, names in (
            ("target_items", poison.targets),
            ("target_users", poison.target_users),
        )
        if names
    ]


def _refuse_separators(poison: NamedPoison, form: PoisonFormat) -> None:
    between = set(_BETWEEN.get(form, ""))
    for name in (*poison.users, *itertools.chain.from_iterable(poison.rows)):
        found = next((sign for sign in name if sign in between), None)
        if found is not None:
            raise UsageError(
                f"{name!r} can't be written in the form {form}, where {_SIGNS[found]} ends a "
                f"name; choose {'json, csv or npz' if found in _KEPT_BY_CSV else 'json or npz'}"
            )


_SIGNS = {" ": "a blank", "\t": "a tab", "\r": "the end of a line", "\n": "the end of a line"}
_KEPT_BY_CSV = " \t"


def _refuse_other_rows(content: bytes, poison: NamedPoison, form: PoisonFormat) -> None:
    """Refuse what the attacker ``replay`` would not read, or read as other fake users."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"poison.{form}"
        path.write_bytes(content)
        given: Format = form if form in ("sequences", "pairs") else "auto"
        try:
            found = read_poison_file(path, Reading(dataset="replay", format=given))
        except DatasetError as error:
            # the sentence goes on with what to do about a file, and this one is not written
            why = str(error).removeprefix(str(path)).lstrip(",: ").partition("; ")[0]
        else:
            if (found.users, found.rows) == (poison.users, poison.rows):
                return
            why = "other names would be read from it"
    raise UsageError(
        f"this poison can't be written in the form {form}: it would not be read back as it is "
        f"({why}); choose json"
    )


def _text(lines: Sequence[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
