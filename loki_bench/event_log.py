"""What a dataset is read to: users' sequences, and what else is known of their events."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from loki_bench.interactions import Interactions, Sequences

__all__ = ["PARTS", "EventLog", "EventTimes", "NamedCounts"]

PARTS = ("train", "validation", "test")
"""What the numbers in ``EventLog.parts`` stand for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EventTimes:
    """Times of events, in the order of ``EventLog.interactions.items``.

    Attributes
    ----------
    values : int64 or float64 array of shape (n_events,)
        Larger is later; within a user's sequence they never fall, parts aside.
    unit : str
        "seconds since 1970", "milliseconds since 1970" and so on, always in UTC, or "" where the
        file does not say.
    scale : int
        The values are the file's numbers times this: 10 where it writes tenths of a second.
    origin : int
        What was taken off the file's numbers so that they fit 64 bits; nearly always 0.
    """

    values: NDArray[np.int64] | NDArray[np.float64]
    unit: str = ""
    scale: int = 1
    origin: int = 0


class NamedCounts(Mapping[str, int]):
    """Counts by name, made a dictionary when somebody asks: there may be millions.

    Parameters
    ----------
    names : callable that returns a sequence of str
    counts : int64 array of shape (n,)
    """

    def __init__(self, names: Callable[[], Sequence[str]], counts: NDArray[np.int64]) -> None:
        self.names, self.counts = names, counts
        self._made: dict[str, int] | None = None

    def _dict(self) -> dict[str, int]:
        if self._made is None:
            self._made = dict(zip(self.names(), self.counts.tolist(), strict=True))
        return self._made

    def __getitem__(self, name: str) -> int:
        return self._dict()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._dict())

    def __len__(self) -> int:
        return len(self.counts)


@dataclass(frozen=True, kw_only=True, eq=False)
class EventLog:
    """Users' sequences with times and parts, and how they came out of the file.

    Attributes
    ----------
    interactions : Interactions
        The sequences, oldest event first.
    times : EventTimes or None
        None where the file has none: the order of its rows is the order of events.
    parts : int8 array of shape (n_events,), or None
        Which of ``PARTS`` each event of ``interactions.items`` was given in; in each sequence
        they rise. None where the file is not split.
    recognised : tuple of str
        How the file was read, in sentences.
    n_lines : int
        Lines of the file, or rows; of all files together.
    line_unit : str
        What ``n_lines`` counts.
    left_out : mapping of str to int
        Lines that hold no event, by what they are.
    n_read : int
        Events in the file.
    dropped : mapping of str to int
        Events that were left out, by reason, in the order in which it was done;
        ``n_read`` less all of these is ``interactions.n_events``.
    dropped_items, dropped_users : mapping of str to int
        Names that the k-core left out, and how many events they had before it.
    n_users_read, n_items_read : int
        Different names before the k-core.
    n_ties : int
        Events of ``interactions`` at the same time as the one before in their sequence.
    notes : tuple of str
        What whoever publishes a number from it should know.
    """

    interactions: Interactions
    times: EventTimes | None = None
    parts: NDArray[np.int8] | None = None
    recognised: tuple[str, ...] = ()
    n_lines: int = 0
    line_unit: str = "lines"
    left_out: Mapping[str, int] = field(default_factory=dict)
    n_read: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    dropped_items: Mapping[str, int] = field(default_factory=dict)
    dropped_users: Mapping[str, int] = field(default_factory=dict)
    n_users_read: int = 0
    n_items_read: int = 0
    n_ties: int = 0
    notes: tuple[str, ...] = ()

    def without_later_repeats(self) -> "EventLog":
        """The log with the first event of each user with an item only; ids stay as they are."""
        whole = self.interactions
        pairs = whole.rows.astype(np.int64) * whole.n_items + whole.items
        first = np.sort(np.unique(pairs, return_index=True)[1])
        if len(first) == len(pairs):
            return self
        offsets = np.zeros(len(whole) + 1, dtype=np.int64)
        np.cumsum(np.bincount(whole.rows[first], minlength=len(whole)), out=offsets[1:])
        dropped = len(pairs) - len(first)
        return replace(
            self,
            interactions=whole.with_sequences(Sequences(offsets, whole.items[first])),
            times=None
            if self.times is None
            else replace(self.times, values=self.times.values[first]),
            parts=None if self.parts is None else self.parts[first],
            dropped={**self.dropped, "later repeat": self.dropped.get("later repeat", 0) + dropped},
        )

    @classmethod
    def of(cls, interactions: Interactions) -> "EventLog":
        """A log of sequences of which nothing else is known."""
        return cls(
            interactions=interactions,
            n_read=interactions.n_events,
            n_users_read=interactions.n_users,
            n_items_read=interactions.n_items,
        )
