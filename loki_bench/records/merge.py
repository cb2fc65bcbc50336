"""Splitting a grid over machines that share nothing, and putting the results together again."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from loki_bench.errors import UsageError
from loki_bench.records.store import Store
from loki_bench.suite.cell import Cell
from loki_bench.suite.grid import Grid

__all__ = ["Shard", "merge", "parse_shard"]


# Keys of a record's artefacts; those of a defense are there where the cell has one.
RANKS = ("ranks", "clean_ranks", "undefended_clean_ranks")
FILTERED = ("defense", "clean_defense")


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


def parse_shard(text: str, environment: Mapping[str, str] = os.environ) -> Shard:
    """``"2/5"``, or ``"auto"`` for what the variables of a SLURM or SGE job array say.

    Raises
    ------
    UsageError
        Neither of the two, or no job array is there whose variables say which part this is.
    """
    if text == "auto":
        return _of_job_array(environment)
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError(f"--shard '{text}': expected i/n with 1 <= i <= n, such as 2/5, or auto")
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
        if record.artefacts and not _copy_artefacts(record.artefacts.addresses, target, source):
            continue
        run = source.read_json("runs", cell.id)
        if run is not None:
            target.write_json("runs", cell.id, run)
        target.write_record(record)
        n_copied += 1
    return n_copied, n_kept


def _copy_artefacts(ids: Mapping[str, str], target: Store, source: Store) -> bool:
    """Copy a record's artefacts; False where one of them is not whole."""
    poison = source.read_poison(ids["poison"])
    ranks = {ids[key]: source.read_ranks(ids[key]) for key in RANKS if key in ids}
    filtered = {ids[key]: source.read_defense(ids[key]) for key in FILTERED if key in ids}
    if poison is None or None in ranks.values() or None in filtered.values():
        return False
    target.write_poison(ids["poison"], poison)
    for defense_id, answer in filtered.items():
        if answer is not None:
            target.write_defense(defense_id, answer)
    for evaluation_id, evaluated in ranks.items():
        if evaluated is not None:
            target.write_ranks(evaluation_id, evaluated)
    return True


def _of_job_array(environment: Mapping[str, str]) -> Shard:
    if "SLURM_ARRAY_TASK_ID" in environment:
        return _of_tasks(
            "SLURM",
            own=environment["SLURM_ARRAY_TASK_ID"],
            first=environment.get("SLURM_ARRAY_TASK_MIN"),
            last=environment.get("SLURM_ARRAY_TASK_MAX"),
            step=environment.get("SLURM_ARRAY_TASK_STEP", "1"),
            count=environment.get("SLURM_ARRAY_TASK_COUNT"),
        )
    # outside of an array SGE sets it to "undefined"
    if environment.get("SGE_TASK_ID", "undefined") != "undefined":
        return _of_tasks(
            "SGE",
            own=environment["SGE_TASK_ID"],
            first=environment.get("SGE_TASK_FIRST"),
            last=environment.get("SGE_TASK_LAST"),
            step=environment.get("SGE_TASK_STEPSIZE", "1"),
            count=None,
        )
    for index in ("PBS_ARRAY_INDEX", "PBS_ARRAYID", "LSB_JOBINDEX"):
        if environment.get(index, "0") != "0":
            raise UsageError(
                f"--shard auto: {index} says which task this is, and nothing says how many there "
                f"are; for tasks 1 to 10 type --shard ${index}/10"
            )
    raise UsageError("--shard auto: no SLURM or SGE job array is running here; give i/n")


def _of_tasks(
    who: str, *, own: str, first: str | None, last: str | None, step: str, count: str | None
) -> Shard:
    """The place of one task among ``first``, ``first + step`` ... ``last``."""
    try:
        task, start, stride = int(own), int(first or ""), int(step)
        end = start + stride * (int(count or "") - 1) if last is None else int(last)
        n_tasks = (end - start) // stride + 1
        number, between = divmod(task - start, stride)
        regular = not between and (count is None or int(count) == n_tasks)
    except (ValueError, ZeroDivisionError):
        regular = False
    if not regular:
        raise UsageError(
            f"--shard auto: the {who} job array has tasks {first} to {last}, step {step}, "
            f"count {count}, and this is task {own}; expected evenly spaced tasks, otherwise "
            "give i/n"
        )
    return Shard(number + 1, n_tasks)
