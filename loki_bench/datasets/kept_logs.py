"""What data files were read to, kept in the user's cache: the next command need not read them.

A log is a function of the bytes of the files, of how they are read, and of the source that reads
them; all of these make its key. Where the cache can't be read or written, the files are read.
"""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from loki_bench.datasets.filters import RowFilters, SequenceFilters
from loki_bench.datasets.reading import Reading
from loki_bench.event_log import EventLog, EventTimes, NamedCounts
from loki_bench.interactions import Interactions, locked
from loki_bench.kept_files import keep_file
from loki_bench.plugins.kept_parameters import source_of

__all__ = ["kept_or_read"]

FORM = 1
MOST_KEPT = 8
MOST_EVENTS = 100_000_000
"""A log of so many takes some 2 GB of the disk."""

CHUNK = 1 << 20

FACTS = (
    *("recognised", "n_lines", "line_unit", "left_out", "n_read", "dropped"),
    *("n_users_read", "n_items_read", "n_ties", "notes"),
)
"""Attributes of a log that are plain data."""


def kept_or_read(
    paths: Sequence[Path],
    reading: Reading,
    *,
    rows: RowFilters,
    sequences: SequenceFilters,
    parts: Sequence[int] | None = None,
) -> EventLog:
    """The sequences in some files, from the cache where they were read before.

    Parameters and errors are those of :func:`loki_bench.datasets.files.read_files`.
    """

    def place() -> Path | None:
        return _place(paths, [asdict(reading), asdict(rows), asdict(sequences), parts])

    before = place()
    if before is not None:
        with suppress(OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
            return _kept(before)
    # imported where something is to be read: with pyarrow it takes a tenth of a second
    from loki_bench.datasets.files import read_files

    log = read_files(paths, reading, rows=rows, sequences=sequences, parts=parts)
    if before is not None and log.interactions.n_events <= MOST_EVENTS and place() == before:
        _keep(before, log)
    return log


def _place(paths: Sequence[Path], settings: object) -> Path | None:
    """Where the log of these files is kept; None where one of them is no file that can be read."""
    import platformdirs  # 10 ms that only a grid has to spend

    try:
        files = [[str(path), _digest(path)] for path in paths]
    except OSError:
        return None
    libraries = [version(name) for name in ("numpy", "pyarrow")]
    parts = [FORM, sys.version, *libraries, source_of("loki_bench"), files, settings]
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return platformdirs.user_cache_path("loki-bench") / "data" / f"{key}.npz"


def _digest(path: Path) -> str:
    if not path.is_file():  # what is read once, such as a pipe, is left to who reads it
        raise FileNotFoundError(path)
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()


def _kept(place: Path) -> EventLog:
    """A log as it was kept; raises where there is none, or none that is whole."""
    with place.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    facts = _content(arrays["facts"])
    times = facts.pop("times")
    return EventLog(
        interactions=Interactions(
            arrays["offsets"],
            arrays["items"],
            n_items=facts.pop("n_items"),
            user_tokens=tuple(_content(arrays["users"])),
            item_tokens=tuple(_content(arrays["catalogue"])),
        ),
        times=None if times is None else EventTimes(values=locked(arrays["times"]), **times),
        parts=arrays.get("parts"),
        dropped_users=_counts(arrays, "users"),
        dropped_items=_counts(arrays, "items"),
        recognised=tuple(facts.pop("recognised")),
        notes=tuple(facts.pop("notes")),
        **facts,
    )


def _counts(arrays: Mapping[str, NDArray[Any]], kind: str) -> NamedCounts:
    names = partial(_content, arrays[f"dropped_{kind}"])
    return NamedCounts(names, arrays[f"dropped_{kind}_counts"])


def _keep(place: Path, log: EventLog) -> None:
    """Write a log where other processes may write it, too; the oldest others are thinned."""
    whole, times = log.interactions, log.times
    facts = {
        **{name: getattr(log, name) for name in FACTS},
        "n_items": whole.n_items,
        "times": None
        if times is None
        else {"unit": times.unit, "scale": times.scale, "origin": times.origin},
    }
    arrays: dict[str, NDArray[Any]] = {
        "offsets": whole.offsets,
        "items": whole.items,
        "users": _bytes(whole.user_tokens),
        "catalogue": _bytes(whole.item_tokens),
        "facts": _bytes(facts),
    }
    for kind, counts in (("users", log.dropped_users), ("items", log.dropped_items)):
        arrays[f"dropped_{kind}"] = _bytes(list(counts))
        arrays[f"dropped_{kind}_counts"] = np.array(list(counts.values()), dtype=np.int64)
    if times is not None:
        arrays["times"] = times.values
    if log.parts is not None:
        arrays["parts"] = log.parts

    def write(part: Path) -> None:
        with part.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # of the stubs: allow_pickle

    keep_file(place, write, most_files=MOST_KEPT, mode=0o600)


def _bytes(content: object) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(content, default=int).encode(), dtype=np.uint8)


def _content(written: NDArray[np.uint8]) -> Any:
    return json.loads(written.tobytes())
