"""Turn events as they were read (names and times) into sequences.

Every dataset passes through :func:`log_of`, whatever its file looks like, so all of them share one
rule for ids, order, duplicates, repeats and k-core.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loki_bench.datasets.event_table import Place
from loki_bench.datasets.names import Names
from loki_bench.datasets.times import TimeArray, Times
from loki_bench.errors import DatasetError
from loki_bench.event_log import EventLog, EventTimes
from loki_bench.interactions import Interactions, core_events, event_counts

__all__ = ["Duplicates", "Events", "Repeats", "SequenceFilters", "log_of"]

Duplicates: TypeAlias = Literal["error", "drop"]
Repeats: TypeAlias = Literal["keep", "drop-later"]


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


@dataclass(frozen=True, kw_only=True)
class SequenceFilters:
    """Which events of a user's sequence are kept, in the order of the attributes.

    Attributes
    ----------
    duplicates : "error" or "drop"
        What to do with a second event of the same user, item and time. Without times any
        repetition is an event of its own.
    repeats : "keep" or "drop-later"
        "drop-later" keeps only the first event of a user with an item.
    last_events : int or None
        Keep only so many of each user's latest events; None keeps all.
    k_core : int, 0 or more
        Users and items with fewer events are dropped until none is left; 0 drops nothing.
    n_items : int or None
        If given, items must be the whole numbers from 0 to ``n_items - 1`` and, before the
        k-core, the catalogue has all of them, those without events included.
    """

    duplicates: Duplicates = "error"
    repeats: Repeats = "keep"
    last_events: int | None = None
    k_core: int = 0
    n_items: int | None = None


@dataclass(kw_only=True, eq=False)
class _Sorted:
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


def log_of(events: Events, filters: SequenceFilters) -> EventLog:
    """Sequences of all users, oldest event first.

    Order: by time; events of one user at one time stay in the order of the file. Ids: names sorted
    by length, then by text, so whole numbers are sorted as numbers, and neither the ids nor the
    fingerprint depend on the order of lines (ties in time aside).

    Raises
    ------
    DatasetError
        A duplicate, an item outside the catalogue, a user with a single event, or nothing left.
    """
    if not len(events):
        raise DatasetError(f"{events.source}: there is no event in it; check that it is whole")
    n_users = len(events.users)
    if filters.n_items is None:
        item_names, items = events.items.names, events.items.numbers
    else:
        item_names, items = None, _whole_numbers(events, filters.n_items)
    n_items = filters.n_items or len(events.items)
    log = _in_order(events, items, filters.duplicates)
    if filters.repeats == "drop-later":
        log.keep(_first_of_each_item(log, n_items), "later repeat")
    if filters.last_events is not None:
        log.keep(_places_from_the_end(log.users, n_users) < filters.last_events, "last_events")
    before = event_counts(log.users, n_users), event_counts(log.items, n_items)
    if filters.k_core:
        core = core_events(log.users, log.items, k=filters.k_core, n_users=n_users, n_items=n_items)
        log.keep(core, "k_core")
    if not len(log.users):
        raise DatasetError(
            f"{events.source}: nothing is left of {n_users} users and "
            f"{n_items} items after dropping those with fewer than {filters.k_core} events "
            "again and again; pass a smaller k_core"
        )
    kept_users = event_counts(log.users, n_users) > 0
    kept_items = (
        event_counts(log.items, n_items) > 0 if filters.k_core else np.ones(n_items, dtype=bool)
    )
    _check_lengths(log, events, n_users, filters.k_core)
    counts = event_counts(log.users, n_users)[kept_users]
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    if not kept_items.all():
        np.take(np.cumsum(kept_items, dtype=np.int32) - 1, log.items, out=log.items)
    names = pa.array(map(str, range(n_items))) if item_names is None else item_names
    return EventLog(
        interactions=Interactions(
            offsets,
            log.items,
            n_items=int(kept_items.sum()),
            user_tokens=_tokens(events.users.names, kept_users),
            item_tokens=_tokens(names, kept_items),
        ),
        times=_event_times(log, events.times),
        parts=log.parts,
        n_read=len(events),
        dropped=log.dropped,
        dropped_items=_Dropped(names, before[1], ~kept_items),
        dropped_users=_Dropped(events.users.names, before[0], ~kept_users),
        n_users_read=n_users,
        n_items_read=n_items,
        n_ties=int(np.count_nonzero(_same_moment(log))),
        notes=() if events.times is None else events.times.notes,
    )


# --------------------------------------------------------------------------- order and duplicates


def _in_order(events: Events, items: NDArray[np.int32], duplicates: Duplicates) -> _Sorted:
    users, parts = events.users.numbers, events.parts
    keys = events.times.keys if events.times else ()
    order = _order((*reversed(keys), *(() if parts is None else (parts,)), users))
    log = _Sorted(
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


def _same_moment(log: _Sorted) -> NDArray[np.bool_]:
    """True where an event has the user and the time of the one before, of shape (n - 1,)."""
    if not log.keys:
        return np.zeros(0, dtype=bool)
    same: NDArray[np.bool_] = log.users[1:] == log.users[:-1]
    for key in log.keys:
        same &= key[1:] == key[:-1]
    return same


def _first_of_duplicates(log: _Sorted) -> NDArray[np.bool_]:
    """False where a user, item and time repeats those of an earlier event."""
    kept = np.ones(len(log.users), dtype=bool)
    if log.parts is None:
        same = _same_moment(log)
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
        f"{events.source}, {events.place(second)}: user '{_name(events.users, second)}' and item "
        f"'{_name(events.items, second)}' were there before with the same time "
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


def _name(names: Names, event: int) -> str:
    return str(names.names[int(names.numbers[event])].as_py())


# ---------------------------------------------------------------------------------------- filters


def _first_of_each_item(log: _Sorted, n_items: int) -> NDArray[np.bool_]:
    pairs = log.users.astype(np.int64) * n_items + log.items
    _, first = np.unique(pairs, return_index=True)
    kept = np.zeros(len(pairs), dtype=bool)
    kept[first] = True
    return kept


def _places_from_the_end(users: NDArray[np.int32], n_users: int) -> NDArray[np.int64]:
    """How many events of its user come after each event."""
    ends = np.cumsum(event_counts(users, n_users))
    places: NDArray[np.int64] = ends[users] - 1 - np.arange(len(users))
    return places


def _whole_numbers(events: Events, n_items: int) -> NDArray[np.int32]:
    names = events.items.names
    is_number = pc.match_substring_regex(names, r"^(0|[1-9][0-9]{0,9})$")
    numbers = pc.cast(pc.if_else(is_number, names, "-1"), pa.int64()).to_numpy()
    wrong = np.flatnonzero((numbers < 0) | (numbers >= n_items))
    if len(wrong):
        event = int(np.argmax(np.isin(events.items.numbers, wrong)))
        raise DatasetError(
            f"{events.source}, {events.place(event)}: item '{_name(events.items, event)}' is not "
            f"one of the whole numbers from 0 to {n_items - 1} that n_items = {n_items} asks for; "
            "correct the file, or leave n_items out to read items as names"
        )
    items: NDArray[np.int32] = numbers.astype(np.int32)[events.items.numbers]
    return items


def _check_lengths(log: _Sorted, events: Events, n_users: int, k_core: int) -> None:
    short = np.flatnonzero(event_counts(log.users, n_users) == 1)
    if len(short):  # only with k_core 0 or 1
        event = events.users.first_event(int(short[0]))
        raise DatasetError(
            f"{events.source}, {events.place(event)}: user '{_name(events.users, event)}' has one "
            "event only, and a next item needs two; pass k_core = 2 or more "
            f"(it is {k_core}) to drop such users"
        )


# ---------------------------------------------------------------------------------------- results


def _tokens(names: pa.StringArray, kept: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple((names if kept.all() else names.filter(pa.array(kept))).to_pylist())


def _event_times(log: _Sorted, times: Times | None) -> EventTimes | None:
    if times is None:
        return None
    values = log.keys[0]
    values.flags.writeable = False
    return EventTimes(values=values, unit=times.unit, scale=times.scale, origin=times.origin)


class _Dropped(Mapping[str, int]):
    """Names that were dropped and their events, made when somebody asks: there may be millions."""

    def __init__(
        self, names: pa.StringArray, counts: NDArray[np.int64], dropped: NDArray[np.bool_]
    ) -> None:
        self._of = names.filter(pa.array(dropped)), counts[dropped]
        self._made: dict[str, int] | None = None

    def _dict(self) -> dict[str, int]:
        if self._made is None:
            self._made = dict(zip(self._of[0].to_pylist(), self._of[1].tolist(), strict=True))
        return self._made

    def __getitem__(self, name: str) -> int:
        return self._dict()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._dict())

    def __len__(self) -> int:
        return len(self._of[1])
