"""Turn events as they were read (tokens and times) into :class:`Interactions`.

Every dataset passes through :func:`interactions_of`, whatever its file looks like, so all of them
share one rule for ids, order, duplicates and k-core.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from loki_bench.errors import DatasetError, ParameterError
from loki_bench.interactions import Interactions, latest_events
from loki_bench.interactions import k_core as keep_k_core

__all__ = [
    "Duplicates",
    "Events",
    "check_duplicates",
    "check_k_core",
    "check_last_events",
    "interactions_of",
]

Duplicates: TypeAlias = Literal["error", "drop"]

_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]*")


@dataclass(frozen=True, kw_only=True, eq=False)
class Events:
    """Events in the order of their file.

    Attributes
    ----------
    source : str
        The file, as an error message should name it.
    users, items : object arrays of str of shape (n,)
        Tokens, none of them empty.
    times : int64 or float64 array of shape (n,), or None
        Finite times, larger is later; None where the order of the file is the order of time.
    lines : int64 array of shape (n,)
        Line of each event in the file, from 1.
    """

    source: str
    users: NDArray[np.object_]
    items: NDArray[np.object_]
    times: NDArray[np.int64] | NDArray[np.float64] | None
    lines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.users)


def interactions_of(
    events: Events,
    *,
    k_core: int,
    last_events: int | None = None,
    duplicates: Duplicates = "error",
    n_items: int | None = None,
) -> Interactions:
    """Sequences of all users, oldest event first.

    Order: by time; events of one user at one time stay in the order of the file. Ids: tokens
    sorted by length, then by text, so whole numbers are sorted as numbers, and neither the ids nor
    the fingerprint depend on the order of lines (ties in time aside).

    Parameters
    ----------
    events : Events
        As they were read.
    k_core : int, 0 or more
        Users and items with fewer events are dropped until none is left; 0 drops nothing.
    last_events : int or None
        Keep only so many of each user's latest events, before the k-core; None keeps all.
    duplicates : "error" or "drop"
        What to do with a second event of the same user, item and time. Without times any
        repetition is an event of its own.
    n_items : int or None
        If given, item tokens must be the whole numbers from 0 to ``n_items - 1`` and, before
        the k-core, the catalogue has all of them, those without events included.

    Raises
    ------
    DatasetError
        A duplicate, an item outside the catalogue, a user with a single event, or nothing left.
    """
    if not len(events):
        raise DatasetError(f"{events.source}: there is no event in it; check that it is whole")
    user_tokens, users = _numbered(events.users)
    if n_items is None:
        item_tokens, items = _numbered(events.items)
    else:
        item_tokens = tuple(str(item) for item in range(n_items))
        items = _numbers(events, n_items)
    times: NDArray[Any] | None = events.times
    if times is None:
        order = np.argsort(users, kind="stable")
    else:
        keep = _first_of_duplicates(users, items, times)
        if duplicates == "error" and not keep.all():
            at = int(np.argmin(keep))
            raise DatasetError(
                f"{events.source}, line {events.lines[at]}: user '{events.users[at]}' and item "
                f"'{events.items[at]}' were there before with the same time; remove the "
                'repetition or pass duplicates="drop"'
            )
        users, items, times = users[keep], items[keep], times[keep]
        order = np.lexsort((times, users))  # stable: ties stay in the order of the file
    offsets = np.zeros(len(user_tokens) + 1, dtype=np.int64)
    np.cumsum(np.bincount(users, minlength=len(user_tokens)), out=offsets[1:])
    interactions = Interactions(
        offsets,
        items[order].astype(np.int32),
        n_items=len(item_tokens),
        user_tokens=user_tokens,
        item_tokens=item_tokens,
    )
    if last_events is not None:
        interactions = latest_events(interactions, last_events)
    if k_core:
        interactions = keep_k_core(interactions, k_core)
    if not interactions.n_users:
        raise DatasetError(
            f"{events.source}: nothing is left of {len(user_tokens)} users and "
            f"{len(item_tokens)} items after dropping those with fewer than {k_core} events "
            "again and again; pass a smaller k_core"
        )
    _check_lengths(interactions, events, k_core)
    return interactions


def check_k_core(k_core: int, *, dataset: str) -> int:
    """``k_core`` itself; raises ``ParameterError`` unless it is a whole number from 0."""
    if not isinstance(k_core, int) or isinstance(k_core, bool) or k_core < 0:
        raise ParameterError(
            f"dataset '{dataset}': k_core is {k_core!r}; it must be a whole number from 0 "
            "(0 drops nothing)"
        )
    return k_core


def check_last_events(last_events: int | None, *, dataset: str) -> int | None:
    """``last_events`` itself; raises ``ParameterError`` unless it is None or a number from 2."""
    if last_events is not None and (
        not isinstance(last_events, int) or isinstance(last_events, bool) or last_events < 2
    ):
        raise ParameterError(
            f"dataset '{dataset}': last_events is {last_events!r}; it must be a whole number from "
            "2, or left out to keep all of a user's events"
        )
    return last_events


def check_duplicates(duplicates: Duplicates, *, dataset: str) -> Duplicates:
    """``duplicates`` itself; raises ``ParameterError`` unless it is "error" or "drop"."""
    if duplicates not in get_args(Duplicates):
        raise ParameterError(
            f'dataset \'{dataset}\': duplicates is {duplicates!r}; it must be "error" or "drop"'
        )
    return duplicates


def _numbered(tokens: NDArray[np.object_]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The different tokens, sorted by length and text, and the place of each token in them."""
    import pandas as pd

    codes, seen = pd.factorize(tokens)
    order = sorted(range(len(seen)), key=lambda at: (len(seen[at]), seen[at]))
    place = np.empty(len(seen), dtype=np.int64)
    place[order] = np.arange(len(seen))
    return tuple(str(seen[at]) for at in order), place[codes]


def _numbers(events: Events, n_items: int) -> NDArray[np.int64]:
    numbers = np.empty(len(events), dtype=np.int64)
    for at, token in enumerate(events.items):
        number = int(token) if _WHOLE_NUMBER.fullmatch(token) else -1
        if not 0 <= number < n_items:
            raise DatasetError(
                f"{events.source}, line {events.lines[at]}: item '{token}' is not one of the "
                f"whole numbers from 0 to {n_items - 1} that n_items = {n_items} asks for; "
                "correct the file, or leave n_items out to read items as names"
            )
        numbers[at] = number
    return numbers


def _first_of_duplicates(
    users: NDArray[np.int64], items: NDArray[np.int64], times: NDArray[Any]
) -> NDArray[np.bool_]:
    """False where a user, item and time repeats those of an earlier event."""
    order = np.lexsort((times, items, users))  # stable: the first of equal ones comes first
    repeats = np.zeros(len(users), dtype=bool)
    repeats[1:] = np.all(
        [values[order][1:] == values[order][:-1] for values in (users, items, times)], axis=0
    )
    keep = np.ones(len(users), dtype=bool)
    keep[order[repeats]] = False
    return keep


def _check_lengths(interactions: Interactions, events: Events, k_core: int) -> None:
    short = np.flatnonzero(interactions.lengths < 2)
    if len(short):  # only with k_core 0 or 1
        token = interactions.user_tokens[short[0]]
        line = events.lines[np.argmax(events.users == token)]
        raise DatasetError(
            f"{events.source}, line {line}: user '{token}' has one event only, and a next item "
            f"needs two; pass k_core = 2 or more (it is {k_core}) to drop such users"
        )
