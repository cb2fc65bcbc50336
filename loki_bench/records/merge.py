"""Splitting a grid over machines that share nothing, and putting the results together again."""

import re
from dataclasses import dataclass

from loki_bench.errors import UsageError
from loki_bench.records.store import Store
from loki_bench.suite.cell import Cell
from loki_bench.suite.grid import Grid

__all__ = ["Shard", "merge", "parse_shard"]


@dataclass(frozen=True)
class Shard:
    """Part ``number`` (from 1) of ``count`` parts of a grid."""

    number: int
    count: int

    def of(self, cells: list[Cell] | tuple[Cell, ...]) -> list[Cell]:
        """A contiguous part: cells of one seed share their clean victims and surrogates."""
        start = (self.number - 1) * len(cells) // self.count
        stop = self.number * len(cells) // self.count
        return list(cells[start:stop])


def parse_shard(text: str) -> Shard:
    """``"2/5"``; raises ``UsageError`` where it is anything else."""
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError(f"--shard '{text}': expected i/n with 1 <= i <= n, such as 2/5")
    return Shard(int(match[1]), int(match[2]))


def merge(grid: Grid, target: Store, source: Store) -> tuple[int, int]:
    """Copy the records that ``target`` lacks, with their artefacts, from ``source``.

    Every file is read and checked before it is copied; one that is not whole is named and left.

    Returns
    -------
    (n_copied, n_kept) : tuple of int
        Cells copied, and cells that the target had before.
    """
    n_copied = n_kept = 0
    for cell in grid.cells:
        if target.record(cell.id) is not None:
            n_kept += 1
            continue
        record = source.record(cell.id)
        if record is None:
            continue
        if not target.copy_artefacts(record.artefact_addresses, source):
            continue
        run = source.read_json("runs", cell.id)
        if run is not None:
            target.write_json("runs", cell.id, run)
        target.write_record(record)
        n_copied += 1
    return n_copied, n_kept
