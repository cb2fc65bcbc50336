"""Splitting a grid over machines that share nothing, and putting the results together again."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loki_bench.content_ids import content_id
from loki_bench.errors import StoreError, UsageError
from loki_bench.records.store import Store, artefact_files
from loki_bench.suite.cell import Cell
from loki_bench.suite.grid import Grid

__all__ = ["Shard", "merge", "parse_shard", "refuse_conflicts"]


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


def refuse_conflicts(grid: Grid, stores: Sequence[Store]) -> None:
    """Refuse folders that tell different things of one cell: none of them is the right one.

    Of artefacts that two cells share, such as a clean victim's ranks, the numbers are compared.

    Raises
    ------
    StoreError
        Names both files.
    """
    records: dict[str, tuple[str, Path]] = {}
    artefacts: dict[str, tuple[str, Path]] = {}
    for store in stores:
        for cell in grid.cells:
            record = store.record(cell.id)
            if record is None:
                continue
            name = f"records/{cell.id}.json"
            _refuse_other(records, name, content_id(record.to_json()), store.folder)
            for file in artefact_files(record.artefact_addresses):
                digest = store.numbers_digest(file)
                if digest is not None:
                    _refuse_other(artefacts, file, digest, store.folder)


def _refuse_other(known: dict[str, tuple[str, Path]], name: str, digest: str, folder: Path) -> None:
    first, where = known.setdefault(name, (digest, folder))
    if first != digest:
        raise StoreError(
            f"{where / name} and {folder / name} differ: they were computed on other machines, or "
            "one of them was changed; nothing is merged. Compute the cells of one of the two "
            "folders again, or leave it out"
        )


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
