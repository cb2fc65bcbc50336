"""The spread of display rates over seeds, users and targets, from the ranks of a leaderboard."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loki_bench.audit.drawn import records_of
from loki_bench.errors import StoreError, UsageError
from loki_bench.leaderboard.intervals import Interval, interval_of
from loki_bench.leaderboard.rows import ProtocolKey, RowKey, table_row, under_key
from loki_bench.leaderboard.two_levels import TwoLevels, two_levels
from loki_bench.metrics.top_k import is_ranked, is_shown
from loki_bench.pipeline.retrain import VictimRanksCodec
from loki_bench.records.opening import as_working_folder
from loki_bench.records.schema import Record
from loki_bench.records.store import Store

__all__ = ["RowSpread", "spread_of"]

RATE = (0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class RowSpread:
    """A row's interval over seeds, and that of two levels.

    Attributes
    ----------
    row : RowKey
    key : str
        The run key of its cells; empty under public seeds.
    """

    row: RowKey
    key: str
    over_seeds: Interval
    levels: TwoLevels

    @property
    def name(self) -> str:
        """The row's, which tells it from the same row under another key."""
        return under_key(self.row, self.key)


def spread_of(leaderboard: Path, *, cutoff: int = 10) -> list[RowSpread]:
    """Each row with two seeds or more whose ranks are kept, table by table, placebos left out.

    Parameters
    ----------
    cutoff : int
        Places of a list: the rate is ``display_rate@cutoff``.

    Raises
    ------
    StoreError
        No row has ranks: they were not published with the leaderboard, or it is of estimators.
    UsageError
        A victim's lists are shorter: whether it shows an item beyond them is not known.
    """
    groups: dict[tuple[ProtocolKey, RowKey], list[tuple[Record, NDArray[np.float64]]]] = (
        defaultdict(list)
    )
    with as_working_folder(leaderboard) as folder:
        manifest, records = records_of(folder)
        if manifest.subject != "attacks":
            raise StoreError(f"{leaderboard} compares estimators: it has no ranks of victims")
        if manifest.sample is not None:
            raise StoreError(
                f"{leaderboard} keeps the ranks of {len(manifest.sample.cells)} cells alone: run "
                "its suite, which computes the others again"
            )
        store = Store(folder, warn=lambda text: None)
        for record in records:
            if record.artefacts is None or record.cell.placebo:
                continue
            length = record.cell.victim_list_length
            if length is not None and cutoff > length:
                raise UsageError(
                    f"--cutoff {cutoff}: victim '{record.cell.victim.label}' of {leaderboard} "
                    f"lists {length} items, and what it shows beyond them is not known; expected "
                    f"at most {length}"
                )
            ranks = store.read(VictimRanksCodec(), record.artefacts.ranks)
            if ranks is not None:
                shown = is_shown(ranks.target_ranks, cutoff).astype(np.float64)
                shown[~is_ranked(ranks.target_ranks)] = np.nan
                groups[table_row(record.cell)].append((record, shown))
    found = []
    for (_, row), own in sorted(groups.items(), key=lambda group: group[0]):
        pairs = [shown for _, shown in own]
        levels = two_levels(pairs, RATE, same_goal=len({r.goal for r, _ in own}) == 1)
        over_seeds = interval_of([float(np.nanmean(one)) for one in pairs], RATE)
        if levels is not None and over_seeds is not None:
            key = own[0][0].cell.key
            found.append(RowSpread(row=row, key=key, over_seeds=over_seeds, levels=levels))
    if not found:
        raise StoreError(
            f"{leaderboard} keeps no ranks of two seeds: run its suite, which computes them again"
        )
    return found
