"""What is left out of a file: rows that are no events, then events of a user's sequence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["Duplicates", "Missing", "Repeats", "RowFilters", "SequenceFilters"]

Missing: TypeAlias = Literal["error", "drop"]
Duplicates: TypeAlias = Literal["error", "drop"]
Repeats: TypeAlias = Literal["keep", "drop-later"]


@dataclass(frozen=True, kw_only=True)
class RowFilters:
    """Which rows of a table are events.

    Attributes
    ----------
    where : mapping of str to sequence of str
        Column and the values that are kept.
    min_rating : float or None
        Rows with a lower rating are dropped.
    missing : "error" or "drop"
        What to do with a row that has no user or no item.
    """

    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    min_rating: float | None = None
    missing: Missing = "error"


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
