"""How long work on a dataset lasted before this run: on this machine, or by a table of others.

Times of this machine are kept in the user's cache, so that a run in a new folder knows them, too.
The table is written from the published leaderboards by ``benchmarks/typical_times.py``. Times only
order steps and tell the time left: they never change a result. Where the cache can't be read or
written, nothing is known, and nothing is kept.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import TypeAlias

import platformdirs

from loki_bench.kept_files import keep_json, kept_json

__all__ = ["EarlierTimes", "by_stem", "stem_of"]

_Sizes: TypeAlias = "dict[str, dict[int, float]]"

FORM = 1
MOST_SECONDS = 1e9
"""No step lasts as long."""
MOST_BYTES = 1 << 20
MOST_DATASETS = 100
MOST_WORK = 2000
LONGEST_NAME = 2000

GROWTH = {"fit of ": 1.3}
OTHER_GROWTH = 0.7
"""Seconds grow as this power of the events. Of what the table has in two sizes, 13,030 and 198,502
events, fits of bprmf grow as 1.20, of fpmc as 1.41, of transrec as 1.49, of ten epochs as 0.8 to
1.0; a craft of LOKI grows as 0.85, its preparation as 0.17, and rules by hand not at all."""

_STEM = re.compile(r"(.*? (?:of|by) )[^\s(,]+")


@dataclass(frozen=True, kw_only=True)
class EarlierTimes:
    """What earlier runs tell of work on one dataset.

    Attributes
    ----------
    dataset : str
        Its fingerprint.
    n_events : int
        Its size.
    """

    dataset: str
    n_events: int

    def here(self) -> dict[str, float]:
        """Seconds of each work that this user's runs did, whatever their folder."""
        try:
            told = kept_json(self.place, at_most=MOST_BYTES)
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(told, dict):
            return {}
        return {
            work: float(seconds)
            for work, seconds in told.items()
            if type(seconds) in (int, float) and 0 <= seconds < MOST_SECONDS
        }

    def keep(self, seconds: Mapping[str, float]) -> None:
        """Keep what a run took; of work that was known the new time is kept."""
        if not seconds:
            return
        new = {work: taken for work, taken in seconds.items() if len(work) <= LONGEST_NAME}
        old = {work: taken for work, taken in self.here().items() if work not in new}
        content = [*old.items(), *new.items()][-MOST_WORK:]
        keep_json(self.place, dict(content), most_files=MOST_DATASETS)

    def elsewhere(self, works: Iterable[str]) -> dict[str, float]:
        """Seconds of the same work on another machine; of work that the table lacks, nothing.

        The nearest size that was measured is taken, and the seconds are scaled to this one. Where
        only other parameters of a component were measured, theirs are taken.
        """
        return {
            work: seconds
            for work in works
            if (seconds := _typical(work, self.n_events)) is not None
        }

    @property
    def place(self) -> Path:
        """Where they are kept."""
        key = hashlib.sha256(json.dumps([FORM, self.dataset]).encode()).hexdigest()
        return platformdirs.user_cache_path("loki-bench") / "times" / f"{key}.json"


def stem_of(work: str) -> str:
    """Work without parameters: ``fit of fpmc`` of ``fit of fpmc(l2=0.1)``."""
    found = _STEM.match(work)
    return found[0] if found else work


def _typical(work: str, n_events: int) -> float | None:
    exact, stems = _table()
    sizes = exact.get(work) or stems.get(stem_of(work))
    if not sizes:
        return None
    nearest = min(sizes, key=lambda size: abs(math.log(size / max(1, n_events))))
    growth = next((by for kind, by in GROWTH.items() if work.startswith(kind)), OTHER_GROWTH)
    return sizes[nearest] * math.pow(n_events / nearest, growth)


@lru_cache(maxsize=1)
def _table() -> tuple[_Sizes, _Sizes]:
    """Seconds by work and number of events; and by stem."""
    text = (files("loki_bench.engine") / "typical_times.json").read_text("utf-8")
    exact = {
        work: {int(size): seconds for size, seconds in sizes.items()}
        for work, sizes in json.loads(text).items()
    }
    return exact, by_stem(exact)


def by_stem(exact: _Sizes) -> _Sizes:
    """Of each stem and number of events the median of what begins so."""
    found: dict[str, dict[int, list[float]]] = {}
    for work, sizes in exact.items():
        for size, seconds in sizes.items():
            found.setdefault(stem_of(work), {}).setdefault(size, []).append(seconds)
    return {
        stem: {size: median(seconds) for size, seconds in sizes.items()}
        for stem, sizes in found.items()
    }
