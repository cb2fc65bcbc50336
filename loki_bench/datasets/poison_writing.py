"""Write fake users by name, in the forms that the attacker ``replay`` reads."""

import csv
import io
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from loki_bench.errors import UsageError

__all__ = ["NamedPoison", "PoisonFormat", "written_poison"]

PoisonFormat: TypeAlias = Literal["json", "sequences", "pairs", "csv", "inter", "npz"]

_BETWEEN = {"sequences": " ", "pairs": " ", "inter": "\t"}


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
        A name holds what the form separates names by.
    """
    if form == "json":
        return _json(poison)
    if form == "npz":
        return _npz(poison)
    _refuse_separators(poison, form)
    if form == "sequences":
        lines = [" ".join((u, *row)) for u, row in zip(poison.users, poison.rows, strict=True)]
        return _text([*_comments(poison), *lines])
    if form == "pairs":
        return _text([*_comments(poison), *(f"{user} {item}" for user, item, _ in _events(poison))])
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
    between = _BETWEEN.get(form, "\n")
    for name in {*poison.users, *itertools.chain.from_iterable(poison.rows)}:
        if between in name or name.split() != name.strip().split(between) or "\n" in name:
            raise UsageError(
                f"'{name}' can't be written in the form {form}, which separates by what is in "
                "it; choose json, csv or npz"
            )


def _text(lines: Sequence[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
