"""Turn events as they were read (names and times) into sequences.

Every dataset passes through :func:`log_of`, whatever its file looks like, so all of them share one
rule for ids, order, duplicates, repeats and k-core.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loki_bench.datasets.arrow_arrays import as_numpy, of_numpy, of_texts, one_value
from loki_bench.datasets.event_order import Events, SortedEvents, in_order, name_of, same_moment
from loki_bench.datasets.filters import SequenceFilters
from loki_bench.datasets.times import Times
from loki_bench.errors import DatasetError
from loki_bench.event_log import EventLog, EventTimes, NamedCounts
from loki_bench.interactions import Interactions, core_events, event_counts

__all__ = ["Events", "log_of"]


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
    log = in_order(events, items, filters.duplicates)
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
    names = of_texts(map(str, range(n_items))) if item_names is None else item_names
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
        dropped_items=_dropped(names, before[1], ~kept_items),
        dropped_users=_dropped(events.users.names, before[0], ~kept_users),
        n_users_read=n_users,
        n_items_read=n_items,
        n_ties=int(np.count_nonzero(same_moment(log))),
        notes=() if events.times is None else events.times.notes,
    )


# ---------------------------------------------------------------------------------------- filters


def _first_of_each_item(log: SortedEvents, n_items: int) -> NDArray[np.bool_]:
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
    numbers = as_numpy(pc.cast(pc.if_else(is_number, names, one_value("-1")), pa.int64()), np.int64)
    wrong = np.flatnonzero((numbers < 0) | (numbers >= n_items))
    if len(wrong):
        event = int(np.argmax(np.isin(events.items.numbers, wrong)))
        raise DatasetError(
            f"{events.source}, {events.place(event)}: item '{name_of(events.items, event)}' is not "
            f"one of the whole numbers from 0 to {n_items - 1} that n_items = {n_items} asks for; "
            "correct the file, or leave n_items out to read items as names"
        )
    items: NDArray[np.int32] = numbers.astype(np.int32)[events.items.numbers]
    return items


def _check_lengths(log: SortedEvents, events: Events, n_users: int, k_core: int) -> None:
    short = np.flatnonzero(event_counts(log.users, n_users) == 1)
    if len(short):  # only with k_core 0 or 1
        event = events.users.first_event(int(short[0]))
        raise DatasetError(
            f"{events.source}, {events.place(event)}: user '{name_of(events.users, event)}' has "
            "one event only, and a next item needs two; pass k_core = 2 or more "
            f"(it is {k_core}) to drop such users"
        )


# ---------------------------------------------------------------------------------------- results


def _dropped(
    names: pa.StringArray, counts: NDArray[np.int64], dropped: NDArray[np.bool_]
) -> NamedCounts:
    return NamedCounts(names.filter(of_numpy(dropped)).to_pylist, counts[dropped])


def _tokens(names: pa.StringArray, kept: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple((names if kept.all() else names.filter(of_numpy(kept))).to_pylist())


def _event_times(log: SortedEvents, times: Times | None) -> EventTimes | None:
    if times is None:
        return None
    values = log.keys[0]
    values.flags.writeable = False
    return EventTimes(values=values, unit=times.unit, scale=times.scale, origin=times.origin)
