"""Sort events by user and time, and find those that are there twice."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from loki_bench.datasets.event_table import Place
from loki_bench.datasets.filters import Duplicates
from loki_bench.datasets.names import Names
from loki_bench.datasets.times import TimeArray, Times
from loki_bench.errors import DatasetError

__all__ = ["Events", "SortedEvents", "in_order", "name_of", "same_moment"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Events:
    """Events in the order of their file.

    Attributes
    ----------
    source : str
        The file, as an error message should name it.
    users, items : Names
        Of each event.
    times : Times or None
        None where the order of the file is the order of time.
    parts : int8 array of shape (n,), or None
        Which part of a split each event belongs to; a user's parts follow each other.
    place : function of int to str
        Where an event is in its file: ``"line 7"``.
    cells : function of int to dict of str
        All cells of an event's row, by column; empty where they aren't known.
    """

    source: str
    users: Names
    items: Names
    times: Times | None
    place: Place
    parts: NDArray[np.int8] | None = None
    cells: Callable[[int], dict[str, str]] = lambda event: {}

    def __len__(self) -> int:
        return len(self.users.numbers)


@dataclass(kw_only=True, eq=False)
class SortedEvents:
    """Events sorted by user, then by part, then by time; filters drop some of them in place."""

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    keys: tuple[TimeArray, ...]
    parts: NDArray[np.int8] | None
    dropped: dict[str, int] = field(default_factory=dict)

    def keep(self, kept: NDArray[np.bool_], reason: str) -> None:
        n_dropped = len(kept) - int(np.count_nonzero(kept))
        self.dropped[reason] = n_dropped
        if n_dropped:
            self.users = self.users[kept]
            self.items = self.items[kept]
            self.keys = tuple(key[kept] for key in self.keys)
            self.parts = None if self.parts is None else self.parts[kept]


def in_order(events: Events, items: NDArray[np.int32], duplicates: Duplicates) -> SortedEvents:
    """The events by user, part and time; duplicates are refused or the first is kept."""
    users, parts = events.users.numbers, events.parts
    keys = events.times.keys if events.times else ()
    order = _order((*reversed(keys), *(() if parts is None else (parts,)), users))
    log = SortedEvents(
        users=users[order],
        items=items[order],
        keys=tuple(key[order] for key in keys),
        parts=None if parts is None else parts[order],
    )
    if keys:
        kept = _first_of_duplicates(log)
        if duplicates == "error" and not kept.all():
            _refuse_duplicate(events, items, int(order[~kept].min()))
        del order
        log.keep(kept, "duplicate")
    return log


def _order(by: tuple[NDArray[np.int32] | NDArray[np.int8] | TimeArray, ...]) -> NDArray[np.int64]:
    """Places of the events, sorted by the last array, then by the one before it, and so on.

    Stable: ties stay in the order of the file. Two arrays of whole numbers are sorted as one where
    64 bits hold both, which takes half the time.
    """
    if len(by) == 1:
        return np.argsort(by[0], kind="stable")
    if len(by) > 2 or not np.issubdtype(by[0].dtype, np.integer):
        return np.lexsort(by)
    low, high = int(by[0].min()), int(by[0].max())
    if (int(by[1].max()) + 1) * (high - low + 1) >= 2**63:
        return np.lexsort(by)
    key = by[1].astype(np.int64)
    key *= high - low + 1
    key += by[0].astype(np.int64, copy=False)
    key -= low
    return np.argsort(key, kind="stable")


def same_moment(log: SortedEvents) -> NDArray[np.bool_]:
    """True where an event has the user and the time of the one before, of shape (n - 1,)."""
    if not log.keys:
        return np.zeros(0, dtype=bool)
    same: NDArray[np.bool_] = log.users[1:] == log.users[:-1]
    for key in log.keys:
        same &= key[1:] == key[:-1]
    return same


def _first_of_duplicates(log: SortedEvents) -> NDArray[np.bool_]:
    """False where a user, item and time repeats those of an earlier event."""
    kept = np.ones(len(log.users), dtype=bool)
    if log.parts is None:
        same = same_moment(log)
        tied = np.zeros(len(log.users), dtype=bool)
        tied[1:] |= same
        tied[:-1] |= same
        at = np.flatnonzero(tied)
    else:
        at = np.arange(len(log.users))  # a duplicate may be in another part
    columns = (*(key[at] for key in log.keys), log.items[at], log.users[at])
    order = np.lexsort(columns)  # stable: the first of equal ones comes first
    repeats = np.ones(max(len(at) - 1, 0), dtype=bool)
    for values in columns:
        repeats &= values[order][1:] == values[order][:-1]
    kept[at[order[1:][repeats]]] = False
    return kept


def _refuse_duplicate(events: Events, items: NDArray[np.int32], second: int) -> None:
    assert events.times is not None  # noqa: S101 - without times there are no duplicates
    same = (events.users.numbers == events.users.numbers[second]) & (items == items[second])
    for key in events.times.keys:
        same &= key == key[second]
    first = int(np.argmax(same))
    one, other = events.cells(first), events.cells(second)
    differing = [name for name in one if one[name] != other.get(name)]
    told = (
        f"{events.source}, {events.place(second)}: user '{name_of(events.users, second)}' and item "
        f"'{name_of(events.items, second)}' were there before with the same time "
        f"({events.place(first)})"
    )
    if differing:
        shown = ", ".join(
            f"'{column}' ('{one[column][:30]}', '{other.get(column, '')[:30]}')"
            for column in differing[:3]
        )
        raise DatasetError(
            f"{told}; the two rows differ in {shown}: say which rows are events with where, or "
            "remove one"
        )
    raise DatasetError(
        f'{told}, and the rows are the same; remove the repetition or pass duplicates="drop"'
    )


def name_of(names: Names, event: int) -> str:
    """The name of an event's user or item."""
    return str(names.names[int(names.numbers[event])].as_py())
