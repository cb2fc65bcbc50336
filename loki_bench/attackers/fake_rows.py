"""Which rows of a file are fake users, and which items of the dataset they select."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from loki_bench.datasets.named_rows import NamedRows
from loki_bench.errors import ParameterError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.plugins.specs import nearest

__all__ = ["FakeRows", "ItemNames", "Rows", "fake_rows"]

Rows: TypeAlias = Literal["auto", "all", "beyond-genuine"]
ItemNames: TypeAlias = Literal["tokens", "ids"]

_MOST_DIFFERING = 0.1
"""Share of genuine users whose events may differ from the dataset's where rows are asked for."""

_UNKNOWN = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class FakeRows:
    """Fake users as the dataset numbers their items.

    Attributes
    ----------
    poison : Sequences
    targets, target_users : tuple of str
        What the file says that they were written for, by token; empty where it says nothing.
    most_frequent : tuple of (str, int)
        Items that the fake users select most, and how often.
    notes : tuple of str
        What whoever publishes a number from it should know.
    """

    poison: Sequences
    targets: tuple[str, ...]
    target_users: tuple[str, ...]
    most_frequent: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]


def fake_rows(
    named: NamedRows,
    genuine: Interactions,
    *,
    rows: Rows,
    items: ItemNames,
    dropped_users: Mapping[str, int],
    dropped_items: Mapping[str, int],
) -> FakeRows:
    """The fake users in a file.

    Parameters
    ----------
    genuine : Interactions
        The dataset.
    rows : "auto", "all" or "beyond-genuine"
        Whether all rows are fake users, or those of users who are not in the dataset; "auto"
        leaves the genuine ones out where the file has all of them with their events.
    items : "tokens" or "ids"
        Whether the file names items as the dataset's file does, or by their numbers from 0.
    dropped_users, dropped_items : mapping of str to int
        What the dataset's k-core left out, and their events.

    Raises
    ------
    ParameterError
        It can't be said which rows are fake, none is, one is empty, or has an item or the file a
        target that is not in the dataset. The message says what to do.
    """
    tokens = genuine.item_tokens or tuple(map(str, range(genuine.n_items)))
    number_of = _numbering(named, genuine.n_items, tokens, items)
    numbers = [[number_of(name) for name in row] for row in named.rows]
    if not named.rows:
        raise _refusal(f"{named.path}: there is no fake user in it; check that it is whole")
    is_fake, notes = _beyond_genuine(named, numbers, genuine, rows, dropped_users)
    found = [row for row, fake in enumerate(is_fake) if fake]
    if not found:
        raise _refusal(
            f"{named.path}: all of its {len(named.rows)} users are users of the dataset with "
            "their own events, so it holds no fake user"
        )
    for row in found:
        if not numbers[row]:
            raise _refusal(f"{named.who(row)} has no item; leave that user out")
        if _UNKNOWN in numbers[row]:
            wrong = named.rows[row][numbers[row].index(_UNKNOWN)]
            raise _refusal(
                f"{named.who(row)}: the dataset has no item '{wrong}'"
                f"{_advice(wrong, named, tokens, items, dropped_items)}"
            )
    if named.user_leads:
        _refuse_lines_of_items(named, [named.users[row] for row in found], number_of)
    counts = Counter(number for row in found for number in numbers[row])
    return FakeRows(
        poison=Sequences.of(numbers[row] for row in found),
        targets=_targets(named, number_of, tokens, dropped_items),
        target_users=_target_users(named, genuine),
        most_frequent=tuple((tokens[number], n) for number, n in counts.most_common(3)),
        notes=notes,
    )


def _numbering(
    named: NamedRows, n_items: int, tokens: Sequence[str], items: ItemNames
) -> Callable[[str], int]:
    """From an item's name in the file to its number; ``_UNKNOWN`` where there is none.

    Blanks around a name, as they follow commas, are no part of it unless the dataset has it so.
    """
    if named.n_columns is not None and named.n_columns != n_items:
        raise _refusal(
            f"{named.path}: it is {named.recognised}, and the dataset has {n_items} items: a "
            "matrix needs a column for each item, in the order of the dataset's numbers; leave "
            "the others out, or write lists of items by name"
        )
    if named.width == n_items:
        raise _refusal(
            f"{named.path}: it is {named.recognised}, and the dataset has {n_items} items: such "
            "whole numbers may be lists of items, or ratings with a column for each item; save "
            "lists with one more column of -1, and ratings as floats (`matrix.astype(float)`)"
        )
    if items == "ids" or named.n_columns is not None:
        known = {str(number): number for number in range(n_items)}
    else:
        known = {token: number for number, token in enumerate(tokens)}

    def number_of(name: str) -> int:
        number = known.get(name)
        return known.get(name.strip(), _UNKNOWN) if number is None else number

    return number_of


def _refuse_lines_of_items(
    named: NamedRows, users: Sequence[str], number_of: Callable[[str], int]
) -> None:
    """Refuse lines that seem to hold items alone: the first one of each would be lost.

    Numbers that rise by one count users, whatever the items are called.
    """
    if any(number_of(user) == _UNKNOWN for user in users):
        return
    if all(_is_number(user, None) for user in users):
        first = int(users[0][:18])
        if list(users) == [str(number) for number in range(first, first + len(users))]:
            return
    raise _refusal(
        f"{named.path}: each of its {len(users)} lines begins with the name of an item "
        f"('{users[0]}'), and what begins a line is its user; where the lines hold items alone, "
        f"put a user before each (`fake1 {users[0]} ...`), or write them as JSON, "
        f'[["{users[0]}", ...], ...]; else give the users names that no item has'
    )


def _beyond_genuine(
    named: NamedRows,
    numbers: Sequence[Sequence[int]],
    genuine: Interactions,
    rows: Rows,
    dropped_users: Mapping[str, int],
) -> tuple[list[bool], tuple[str, ...]]:
    """Which rows are fake users."""
    notes = []
    if named.n_columns is not None:
        notes.append(
            f"{named.path.name} is a matrix, which has no order: each fake user's items are in "
            "the order of the columns"
        )
    everybody = [True] * len(named.rows)
    if rows == "all":
        return everybody, tuple(notes)
    user_of = _genuine_users(named, genuine)
    n_there = sum(user is not None for user in user_of)
    if not n_there or (not named.users and len(named.rows) <= genuine.n_users):
        if rows == "beyond-genuine":
            raise _refusal(
                f"{named.path}: none of its {len(named.rows)} users is a user of the dataset "
                f"with {genuine.n_users} users: it is not this dataset with fake users behind; "
                'leave rows = "beyond-genuine" out where all of its rows are fake users'
            )
        return everybody, tuple(notes)
    differing = [
        row
        for row, user in enumerate(user_of)
        if user is not None
        and not _agrees(numbers[row], genuine[user].tolist(), ordered=named.n_columns is None)
    ]
    n_missing = genuine.n_users - n_there
    asked = rows == "beyond-genuine"
    if asked and len(differing) <= _MOST_DIFFERING * n_there and not n_missing:
        if differing:
            notes.append(
                f"{len(differing)} of {n_there} genuine users have other events in "
                f"{named.path.name} than in the dataset, whose events are used"
            )
    elif asked and not differing:
        notes.append(f"{n_missing} genuine users are not in {named.path.name}")
    elif differing and not named.users and not asked:
        return everybody, tuple(notes)
    elif differing or n_missing:
        raise _refusal(_why_unclear(named, numbers, genuine, user_of, differing, n_missing))
    return [
        user is None and not (named.users and named.users[row] in dropped_users)
        for row, user in enumerate(user_of)
    ], tuple(notes)


def _genuine_users(named: NamedRows, genuine: Interactions) -> list[int | None]:
    """Of each row the user of the dataset that it is named after, or stands in the place of."""
    if not named.users:
        return [row if row < genuine.n_users else None for row in range(len(named.rows))]
    tokens = genuine.user_tokens or tuple(map(str, range(genuine.n_users)))
    known = {token: number for number, token in enumerate(tokens)}
    return [known.get(user) for user in named.users]


def _agrees(numbers: Sequence[int], events: Sequence[int], *, ordered: bool) -> bool:
    """Whether a row holds a user's events, or the first of them; a train set ends earlier."""
    known = [number for number in numbers if number != _UNKNOWN]
    if not ordered:
        return bool(known) and set(known) <= set(events)
    return bool(known) and known == list(events[: len(known)])


def _why_unclear(
    named: NamedRows,
    numbers: Sequence[Sequence[int]],
    genuine: Interactions,
    user_of: Sequence[int | None],
    differing: Sequence[int],
    n_missing: int,
) -> str:
    n_there = genuine.n_users - n_missing
    said = (
        f"{named.path}: {n_there} of its {len(named.rows)} users have the names of genuine users"
        if named.users
        else f"{named.path}: its first {n_there} rows stand where genuine users would"
    )
    if differing:
        user = user_of[differing[0]]
        assert user is not None  # noqa: S101  # for the type checker
        tokens = genuine.item_tokens or tuple(map(str, range(genuine.n_items)))
        there = " ".join(named.rows[differing[0]][:4])
        here = " ".join(tokens[item] for item in genuine[user][:4])
        said += (
            f", {len(differing)} of them with other events than in the dataset "
            f"({named.who(differing[0])} begins {there}; the dataset's begins {here})"
        )
    if n_missing:
        said += f", and {n_missing} genuine users are not in it"
    return (
        f'{said}. Where all of its rows are fake users, say so with rows = "all"; where it is a '
        "poisoned dataset, the suite's dataset must be the same one without the fake users, read "
        "with the same names and in the same order"
    )


def _advice(
    wrong: str,
    named: NamedRows,
    tokens: Sequence[str],
    items: ItemNames,
    dropped_items: Mapping[str, int],
) -> str:
    if items == "ids" or named.n_columns is not None:
        return f": items are numbered from 0 to {len(tokens) - 1}"
    if wrong in dropped_items:
        return (
            f": its k_core dropped it, with {dropped_items[wrong]} events; read the dataset with "
            "a smaller k_core, or leave the item out"
        )
    if _is_number(wrong, len(tokens)) and not any(_is_number(t, None) for t in tokens):
        return (
            f": its items are named like '{tokens[0]}'; if the file means the dataset's own "
            'numbers of items, from 0, say so with items = "ids"'
        )
    return f"{nearest(wrong, list(tokens))}; items are named as in the dataset's file"


def _is_number(name: str, below: int | None) -> bool:
    return name.isdecimal() and name.isascii() and (below is None or int(name[:18]) < below)


def _targets(
    named: NamedRows,
    number_of: Callable[[str], int],
    tokens: Sequence[str],
    dropped_items: Mapping[str, int],
) -> tuple[str, ...]:
    for name in named.targets:
        if number_of(name) == _UNKNOWN:
            why = _advice(name, named, tokens, "tokens", dropped_items)
            raise _refusal(f"{named.path}: the dataset has no target '{name}'{why}")
    return _each_once(tuple(tokens[number_of(name)] for name in named.targets), named)


def _target_users(named: NamedRows, genuine: Interactions) -> tuple[str, ...]:
    tokens = genuine.user_tokens or tuple(map(str, range(genuine.n_users)))
    known = set(tokens)
    unknown = next((name for name in named.target_users if name not in known), None)
    if unknown is not None:
        raise _refusal(
            f"{named.path}: the dataset has no target user '{unknown}'"
            f"{nearest(unknown, list(tokens))}"
        )
    return _each_once(named.target_users, named)


def _each_once(tokens: tuple[str, ...], named: NamedRows) -> tuple[str, ...]:
    twice = next((token for token, n in Counter(tokens).items() if n > 1), None)
    if twice is not None:
        raise _refusal(f"{named.path}: it lists the target '{twice}' twice")
    return tokens


def _refusal(what: str) -> ParameterError:
    return ParameterError(f"attacker 'replay': {what}")
