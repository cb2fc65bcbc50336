"""Users' item sequences as immutable ragged arrays.

:class:`Sequences` is a list of integer sequences in two flat arrays. :class:`Interactions`
adds a catalogue (``n_items``) and, where known, the tokens behind the ids. User ``u`` is row
``u``; item ids run from 0 to ``n_items - 1``; a sequence is oldest event first.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

__all__ = [
    "Interactions",
    "Sequences",
    "core_events",
    "distinct_items",
    "event_counts",
    "k_core",
    "locked",
    "n_repeats",
]

A = TypeVar("A", bound=np.generic)

IntArray = NDArray[np.int32]
OffsetArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sequences:
    """Immutable ragged integer sequences; the arrays are :func:`locked`.

    Attributes
    ----------
    offsets : int64 array of shape (n + 1,)
        Sequence ``r`` is ``items[offsets[r]:offsets[r + 1]]``.
    items : int32 array of shape (n_events,)
    """

    offsets: OffsetArray
    items: IntArray

    def __post_init__(self) -> None:
        offsets = _read_only(self.offsets, np.int64)
        items = _read_only(self.items, np.int32)
        if offsets.ndim != 1 or items.ndim != 1 or not len(offsets):
            raise ValueError("offsets must be (n + 1,) and items (n_events,)")
        if offsets[0] != 0 or offsets[-1] != len(items) or np.any(np.diff(offsets) < 0):
            raise ValueError("offsets must rise from 0 to the number of events")
        object.__setattr__(self, "offsets", offsets)
        object.__setattr__(self, "items", items)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # numpy forgets that an array is read-only when it is pickled
        arrays = {name: locked(state[name]) for name in ("offsets", "items")}
        self.__dict__.update({**state, **arrays})

    @classmethod
    def of(cls, rows: Iterable[Iterable[int]]) -> Self:
        """Build from any iterable of iterables of ids; raises ``OverflowError`` past int32."""
        lists = [np.fromiter(row, dtype=np.int64) for row in rows]
        offsets = np.zeros(len(lists) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in lists], out=offsets[1:])
        flat = np.concatenate(lists) if lists else np.empty(0, dtype=np.int64)
        if len(flat) and (flat.max() > np.iinfo(np.int32).max or flat.min() < 0):
            raise OverflowError("ids must lie between 0 and 2**31 - 1")
        return cls(offsets, flat.astype(np.int32))

    @classmethod
    def empty(cls) -> Self:
        """No sequence at all."""
        return cls(np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int32))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> IntArray:
        """The read-only items of one row; a negative row counts from the end."""
        n = len(self)
        if not -n <= row < n:
            raise IndexError(f"row {row} of {n}")
        row %= n
        return self.items[self.offsets[row] : self.offsets[row + 1]]

    def __iter__(self) -> Iterator[IntArray]:
        for row in range(len(self)):
            yield self[row]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequences):
            return NotImplemented
        return np.array_equal(self.offsets, other.offsets) and np.array_equal(
            self.items, other.items
        )

    def __hash__(self) -> int:
        return hash((len(self), self.items.tobytes()))

    @property
    def lengths(self) -> OffsetArray:
        """Number of events of each row, int64 array of shape (n,)."""
        return np.diff(self.offsets)

    @property
    def n_events(self) -> int:
        """Number of events of all rows together."""
        return len(self.items)

    @property
    def rows(self) -> IntArray:
        """The row of each event, int32 array of shape (n_events,)."""
        return np.repeat(np.arange(len(self), dtype=np.int32), self.lengths)

    def take(self, rows: NDArray[np.integer] | Sequence[int]) -> "Sequences":
        """The given rows, in the given order (a copy)."""
        index = np.asarray(rows, dtype=np.int64)
        starts, lengths = self.offsets[index], self.lengths[index]
        offsets = np.zeros(len(index) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        gather = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
        return Sequences(offsets, self.items[gather])

    def without_last(self, n: int, *, rows: NDArray[np.bool_] | None = None) -> "Sequences":
        """Each row (or each row where ``rows`` is True) without its last ``n`` events."""
        lengths = self.lengths
        cut = np.minimum(lengths, n) if rows is None else np.where(rows, np.minimum(lengths, n), 0)
        return self.first(lengths - cut)

    def first(self, kept: OffsetArray) -> "Sequences":
        """Of each row its first events (a copy).

        Parameters
        ----------
        kept : int64 array of shape (n,)
            How many of each row, from 0 to its length.
        """
        offsets = np.zeros(len(self) + 1, dtype=np.int64)
        np.cumsum(kept, out=offsets[1:])
        gather = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1] - offsets[:-1], kept)
        return Sequences(offsets, self.items[gather])

    def followed_by(self, other: "Sequences") -> "Sequences":
        """These rows, then the rows of ``other``; each event is copied once."""
        return Sequences(
            np.concatenate([self.offsets, other.offsets[1:] + self.offsets[-1]]),
            np.concatenate([self.items, other.items]),
        )

    def prefixes(self) -> "Sequences":
        """For each event, the events of its row before it: ``n_events`` rows (a copy)."""
        lengths = np.arange(self.n_events) - np.repeat(self.offsets[:-1], self.lengths)
        offsets = np.zeros(self.n_events + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        starts = np.repeat(self.offsets[:-1], self.lengths)
        gather = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
        return Sequences(offsets, self.items[gather])

    def digest(self) -> str:
        """SHA-256 of the lengths and items; the same on every machine."""
        return _digest(b"sequences", self.lengths.astype("<i8"), self.items.astype("<i4"))


@dataclass(frozen=True, eq=False)
class Interactions(Sequences):
    """Users' item sequences over a catalogue.

    Attributes
    ----------
    n_items : int
        Size of the catalogue; every item id is below it.
    user_tokens, item_tokens : tuple of str
        The names that the ids stood for in the data; empty where the ids are all there is. Fake
        users have no token, so ``user_tokens`` may be shorter than the number of users.
    """

    n_items: int = field(kw_only=True)
    user_tokens: tuple[str, ...] = field(default=(), kw_only=True, repr=False)
    item_tokens: tuple[str, ...] = field(default=(), kw_only=True, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.items) and (self.items.min() < 0 or self.items.max() >= self.n_items):
            raise ValueError(f"an item id lies outside the catalogue of {self.n_items} items")
        if self.item_tokens and len(self.item_tokens) != self.n_items:
            raise ValueError("item_tokens must name every item of the catalogue")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Interactions):
            return NotImplemented
        return self.n_items == other.n_items and super().__eq__(other)

    def __hash__(self) -> int:
        return super().__hash__()

    @property
    def n_users(self) -> int:
        """Number of users, those without events included."""
        return len(self)

    @property
    def item_counts(self) -> OffsetArray:
        """Number of events of each item, int64 array of shape (n_items,)."""
        return np.bincount(self.items, minlength=self.n_items).astype(np.int64)

    def with_sequences(self, sequences: Sequences) -> "Interactions":
        """The same catalogue and tokens with other sequences."""
        return Interactions(
            sequences.offsets,
            sequences.items,
            n_items=self.n_items,
            user_tokens=self.user_tokens,
            item_tokens=self.item_tokens,
        )

    def with_users(self, added: Sequences) -> "Interactions":
        """These users, then the added ones as users ``n_users``, ``n_users + 1`` ..."""
        return self.with_sequences(self.followed_by(added))

    def fingerprint(self) -> str:
        """SHA-256 of the catalogue's size and the sequences; the same on every machine.

        Tokens are left out: results do not depend on them.
        """
        return _digest(
            b"interactions",
            np.array([self.n_items], dtype="<i8"),
            self.lengths.astype("<i8"),
            self.items.astype("<i4"),
        )


def core_events(
    users: NDArray[np.integer],
    items: NDArray[np.integer],
    *,
    k: int,
    n_users: int,
    n_items: int,
) -> NDArray[np.bool_]:
    """True for the events of the k-core, of shape (n_events,).

    Users and items with fewer than ``k`` events are dropped, again and again until none is left.
    Repeated events count.
    """
    kept = np.ones(len(users), dtype=bool)
    of_users, of_items = event_counts(users, n_users), event_counts(items, n_items)
    while True:
        few_users, few_items = of_users < k, of_items < k
        gone = np.flatnonzero((few_users[users] | few_items[items]) & kept)
        if not len(gone):
            return kept
        kept[gone] = False
        of_users -= np.bincount(users[gone], minlength=n_users)
        of_items -= np.bincount(items[gone], minlength=n_items)


def event_counts(ids: NDArray[np.integer], n: int) -> NDArray[np.int64]:
    """How often each id below ``n`` comes, int64 array of shape (n,).

    In pieces: ``bincount`` copies what is not int64, twice as large.
    """
    counts = np.zeros(n, dtype=np.int64)
    for start in range(0, len(ids), _PIECE):
        counts += np.bincount(ids[start : start + _PIECE], minlength=n)
    return counts


_PIECE = 1 << 22


def k_core(interactions: Interactions, k: int) -> Interactions:
    """Drop users and items with fewer than ``k`` events, again and again until none is left.

    Ids are made dense again in their old order, and tokens follow. Repeated events count.
    ``k = 0`` or ``1`` drops only users and items without any event.
    """
    users, items = interactions.rows, interactions.items
    n_users, n_items = interactions.n_users, interactions.n_items
    core = core_events(users, items, k=k, n_users=n_users, n_items=n_items)
    users, items = users[core], items[core]
    counts = np.bincount(users, minlength=n_users)
    kept_users = np.flatnonzero(counts)
    has_events = np.bincount(items, minlength=n_items) > 0
    kept_items = np.flatnonzero(has_events)
    offsets = np.zeros(len(kept_users) + 1, dtype=np.int64)
    np.cumsum(counts[kept_users], out=offsets[1:])
    user_tokens, item_tokens = interactions.user_tokens, interactions.item_tokens
    return Interactions(
        offsets,
        (np.cumsum(has_events, dtype=np.int32) - 1)[items],
        n_items=len(kept_items),
        user_tokens=tuple(user_tokens[u] for u in kept_users) if user_tokens else (),
        item_tokens=tuple(item_tokens[i] for i in kept_items) if item_tokens else (),
    )


def latest_events(interactions: Interactions, n: int) -> Interactions:
    """Each user's ``n`` latest events, or all where there are fewer; users and catalogue stay."""
    lengths = np.minimum(interactions.lengths, n)
    offsets = np.zeros(interactions.n_users + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    first = np.repeat(interactions.offsets[1:] - lengths, lengths)
    places = first + np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    return Interactions(
        offsets,
        interactions.items[places],
        n_items=interactions.n_items,
        user_tokens=interactions.user_tokens,
        item_tokens=interactions.item_tokens,
    )


def n_repeats(sequences: Sequences) -> int:
    """How many events have an item that came before in the same row."""
    return sequences.n_events - len(distinct_items(sequences)[1])


def distinct_items(sequences: Sequences) -> tuple[OffsetArray, IntArray]:
    """Each row's items, ascending and without repeats: offsets and items.

    Some millions of events are sorted at a time, in place: of 20 million ``np.unique`` takes ten
    times as long.
    """
    n_rows, n_ids = len(sequences), int(sequences.items.max(initial=0)) + 1
    counts = np.zeros(n_rows, dtype=np.int64)
    found = []
    starts = np.arange(0, sequences.n_events, _PIECE)
    ends = np.unique(np.append(np.searchsorted(sequences.offsets, starts), n_rows))
    for first, last in pairwise([0, *ends.tolist()]):
        lengths = sequences.lengths[first:last]
        items = sequences.items[sequences.offsets[first] : sequences.offsets[last]]
        keys = np.repeat(np.arange(last - first) * n_ids, lengths)
        keys += items
        keys.sort()
        is_first = np.ones(len(keys), dtype=bool)
        np.not_equal(keys[1:], keys[:-1], out=is_first[1:])
        rows, kept = np.divmod(keys[is_first], n_ids)
        counts[first:last] = np.bincount(rows, minlength=last - first)
        found.append(kept.astype(np.int32))
    offsets = np.zeros(n_rows + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets, np.concatenate([np.empty(0, dtype=np.int32), *found])


def locked(array: NDArray[A]) -> NDArray[A]:
    """The same values in memory that no Python code can make writable.

    ``flags.writeable = False`` alone is a request: whoever holds the array, or its ``base``, can
    take it back. An array over ``bytes``, or over a file mapped for reading, can't be unlocked.

    Parameters
    ----------
    array : array of any dtype and shape
        Returned as it is, not copied, if it is locked already and contiguous.
    """
    if array.flags.c_contiguous and _is_locked(array):
        return array
    return np.frombuffer(array.tobytes(), dtype=array.dtype).reshape(array.shape)


def _is_locked(array: NDArray[Any]) -> bool:
    if array.flags.writeable:
        return False
    owner: Any = array
    while isinstance(owner, np.ndarray) and owner.base is not None:
        owner = owner.base
    if isinstance(owner, np.ndarray):
        return False  # its owner may set the flag again
    try:
        return memoryview(owner).readonly
    except TypeError:  # memory that came through another protocol: nothing is known of it
        return False


def _read_only(array: NDArray[Any], dtype: type[np.integer[Any]]) -> NDArray[Any]:
    """The integers as a contiguous locked array; an array that is so already is not copied."""
    given = np.asarray(array)
    if given.size and not np.issubdtype(given.dtype, np.integer):
        raise ValueError(f"expected integers, got {given.dtype}")
    if given.size and given.dtype != dtype:
        holds = np.iinfo(dtype)
        for end in (int(given.min()), int(given.max())):
            if not holds.min <= end <= holds.max:
                raise ValueError(f"{end} does not fit {np.dtype(dtype)}: ids are at most 2**31 - 1")
    return locked(given.astype(dtype, order="C", copy=False))


def _digest(kind: bytes, *arrays: NDArray[np.generic]) -> str:
    sha = hashlib.sha256(kind)
    for array in arrays:
        sha.update(len(array).to_bytes(8, "little"))
        sha.update(array.tobytes())
    return sha.hexdigest()
