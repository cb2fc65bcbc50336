"""What a dataset holds, in numbers and in words: what ``loki-bench datasets show`` prints."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from loki_bench.datasets.own_file import OwnFile
from loki_bench.datasets.times import Times
from loki_bench.event_log import PARTS, EventLog
from loki_bench.interactions import n_repeats

__all__ = [
    "DatasetSummary",
    "NamedSequence",
    "as_toml",
    "describe_file",
    "suite_line",
    "summarise",
]

ParameterValue: TypeAlias = (
    bool | int | float | str | Sequence[str] | Sequence[int] | Mapping[str, str | Sequence[str]]
)

_N_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class NamedSequence:
    """The beginning of one user's sequence.

    Attributes
    ----------
    user : str
    items : tuple of str
        The first 20 of them, oldest first.
    n_items : int
        How many there are.
    """

    user: str
    items: tuple[str, ...]
    n_items: int

    def __str__(self) -> str:
        more = self.n_items - len(self.items)
        return f"user {self.user}: {' -> '.join(self.items)}{f' -> {more} more' if more else ''}"


@dataclass(frozen=True, kw_only=True)
class DatasetSummary:
    """What a dataset holds.

    Attributes
    ----------
    suite_line : str
        The line of a suite that reads it so.
    recognised : tuple of str
        How its file was read.
    n_lines, line_unit : int, str
        Lines of the file, and what they are.
    left_out : mapping of str to int
        Lines that hold no event, by what they are.
    n_read : int
        Events in the file.
    dropped : mapping of str to int
        Events that were left out, by reason, in order.
    n_users_read, n_items_read : int
        Before the k-core.
    n_users, n_items, n_events : int
        In the dataset.
    n_ties : int
        Events at the same time as the one before in their sequence.
    n_repeats : int
        Events of a user with an item that the user had before.
    lengths : mapping of str to float
        Shortest, median, mean and longest sequence.
    popularity : mapping of str to float
        Share of all events on the most popular item and on the most popular tenth of the items;
        events on the median and on the least popular item.
    most_popular : mapping of str to int
        The five items with the most events, and how many.
    time_span : tuple of str
        The first and the last time; empty where there are none.
    parts : mapping of str to int
        Events of each part of a split that came with the files; empty where it is not split.
    sequences : tuple of NamedSequence
        Of the first, the middle and the last user.
    fingerprint : str
        Of the sequences; it enters every cell's id.
    notes : tuple of str
        Warnings.
    """

    suite_line: str
    recognised: tuple[str, ...]
    n_lines: int
    line_unit: str
    left_out: Mapping[str, int]
    n_read: int
    dropped: Mapping[str, int]
    n_users_read: int
    n_items_read: int
    n_users: int
    n_items: int
    n_events: int
    n_ties: int
    n_repeats: int
    lengths: Mapping[str, float]
    popularity: Mapping[str, float]
    most_popular: Mapping[str, int]
    time_span: tuple[str, ...]
    parts: Mapping[str, int]
    sequences: tuple[NamedSequence, ...]
    fingerprint: str
    notes: tuple[str, ...]

    def as_json(self) -> str:
        """All of it as a JSON object."""
        return json.dumps(asdict(self), indent=1)

    def __str__(self) -> str:
        shown = [
            *self.recognised,
            self.n_lines
            and f"{self.n_lines} {self.line_unit}{_counts(self.left_out, 'of them no event')}",
            self.n_read != self.n_events
            and f"{self.n_read} events read{_counts(self.dropped, 'dropped')}",
            (self.n_users_read, self.n_items_read) != (self.n_users, self.n_items)
            and f"{self.n_users_read} users and {self.n_items_read} items before the k-core",
            f"{self.n_users} users, {self.n_items} items, {self.n_events} events",
            f"lengths: {_named(self.lengths)}",
            f"popularity: {_named(self.popularity)}",
            f"most popular: {', '.join(f'{n} ({c})' for n, c in self.most_popular.items())}",
            f"{self.n_ties} ties in time, {self.n_repeats} repeats of an item",
            self.time_span and f"from {self.time_span[0]} to {self.time_span[1]}",
            self.parts and f"split: {', '.join(f'{c} {part}' for part, c in self.parts.items())}",
            *(str(sequence) for sequence in self.sequences),
            *(f"note: {note}" for note in self.notes),
            f"fingerprint {self.fingerprint}",
            self.suite_line,
        ]
        return "\n".join(str(line) for line in shown if line)


def describe_file(path: str | Path | Sequence[str], **parameters: ParameterValue) -> DatasetSummary:
    """What dataset ``file`` reads from a file, as ``loki-bench datasets show`` prints it.

    Parameters
    ----------
    path : str, Path, or sequence of str
        The file or files.
    **parameters
        The other parameters of :class:`loki_bench.datasets.own_file.OwnFile`.

    Raises
    ------
    DatasetError, ParameterError
        As the dataset itself raises them.
    """
    given = {"path": str(path) if isinstance(path, Path) else path, **parameters}
    log = OwnFile(**given).read(Path(), download=False)  # type: ignore[arg-type]
    return summarise(log, suite_line("file", given))


def summarise(log: EventLog, line: str) -> DatasetSummary:
    """What an event log holds; ``line`` is the suite line that reads it."""
    data = log.interactions
    counts = data.item_counts
    by_count = np.argsort(-counts, kind="stable")
    tenth = counts[by_count[: -(-data.n_items // 10)]].sum()
    lengths = data.lengths
    return DatasetSummary(
        suite_line=line,
        recognised=log.recognised,
        n_lines=log.n_lines,
        line_unit=log.line_unit,
        left_out=dict(log.left_out),
        n_read=log.n_read,
        dropped={reason: count for reason, count in log.dropped.items() if count},
        n_users_read=log.n_users_read,
        n_items_read=log.n_items_read,
        n_users=data.n_users,
        n_items=data.n_items,
        n_events=data.n_events,
        n_ties=log.n_ties,
        n_repeats=n_repeats(data),
        lengths={
            "shortest": int(lengths.min()),
            "median": float(np.median(lengths)),
            "mean": round(float(lengths.mean()), 2),
            "longest": int(lengths.max()),
        },
        popularity={
            "share of the most popular item": round(float(counts.max() / data.n_events), 4),
            "share of the most popular tenth": round(float(tenth / data.n_events), 4),
            "events of the median item": float(np.median(counts)),
            "events of the least popular item": int(counts.min()),
        },
        most_popular={_item(log, int(item)): int(counts[item]) for item in by_count[:5]},
        time_span=_time_span(log),
        parts=_parts(log),
        sequences=tuple(
            _sequence(log, user) for user in sorted({0, data.n_users // 2, data.n_users - 1})
        ),
        fingerprint=data.fingerprint(),
        notes=log.notes,
    )


def suite_line(name: str, parameters: Mapping[str, ParameterValue]) -> str:
    """The line of a suite that names a dataset and its parameters, as TOML."""
    if not parameters:
        return f"dataset = {as_toml(name)}"
    return f"dataset = {{ name = {as_toml(name)}, parameters = {as_toml(parameters)} }}"


def as_toml(value: object) -> str:
    """A value as it stands in a suite, whatever letters a name has; tables on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(str(k))} = {as_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    # a JSON string is a basic string of TOML, control characters aside
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else as_toml(name)


def _item(log: EventLog, item: int) -> str:
    tokens = log.interactions.item_tokens
    return tokens[item] if tokens else str(item)


def _sequence(log: EventLog, user: int) -> NamedSequence:
    data = log.interactions
    return NamedSequence(
        user=data.user_tokens[user] if data.user_tokens else str(user),
        items=tuple(_item(log, int(item)) for item in data[user][:_N_SHOWN]),
        n_items=len(data[user]),
    )


def _time_span(log: EventLog) -> tuple[str, ...]:
    if log.times is None:
        return ()
    values = log.times.values
    times = Times(
        keys=(values,),
        unit=log.times.unit,
        form="",
        scale=log.times.scale,
        origin=log.times.origin,
    )
    return times.shown(int(np.argmin(values))), times.shown(int(np.argmax(values)))


def _parts(log: EventLog) -> dict[str, int]:
    if log.parts is None:
        return {}
    counts = np.bincount(log.parts, minlength=len(PARTS)).tolist()
    return {part: count for part, count in zip(PARTS, counts, strict=True) if count}


def _counts(counts: Mapping[str, int], what: str) -> str:
    total = sum(counts.values())
    if not total:
        return ""
    return f", {total} {what} ({', '.join(f'{reason}: {n}' for reason, n in counts.items())})"


def _named(numbers: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {number:g}" for name, number in numbers.items())
