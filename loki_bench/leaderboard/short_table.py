"""A table for a terminal: what a reader asks first, in lines that fit the width."""

import textwrap
from collections.abc import Sequence

from loki_bench.leaderboard.blocks import RowBlock, blocks_of
from loki_bench.leaderboard.budget_series import series_table
from loki_bench.leaderboard.defense_table import defense_table
from loki_bench.leaderboard.fitting import Column, fitted, not_shown
from loki_bench.leaderboard.formatting import one_line
from loki_bench.leaderboard.headlines import headline_of
from loki_bench.leaderboard.intervals import shown, shown_mean
from loki_bench.leaderboard.notes import facts_of, legend_of, remarks_of
from loki_bench.leaderboard.row_cells import (
    failed_of,
    full_attack_of,
    placebo_of,
    seeds_of,
    shown_rank,
)
from loki_bench.leaderboard.table import Table

__all__ = ["short_table"]

LEAST_WIDTH = 40


def short_table(table: Table, width: int) -> list[str]:
    """Paragraphs: a head, a grid for each victim, budget and defense, and notes.

    Each grid has the attack, the main metric with its interval, the gain, the rank, the failed
    seeds and the effect of the placebo. Columns that say the same in every row are left out; the
    seeds stand in the head.

    Parameters
    ----------
    width : int
        Letters of a line; fewer than 40 are taken as 40.
    """
    width = max(width, LEAST_WIDTH)
    paragraphs = [_filled(_head(table), width)]
    left_out: dict[str, None] = {}
    for block in blocks_of(table):
        grid, lacking = fitted(_columns(block, table), width)
        left_out |= dict.fromkeys(lacking)
        said = headline_of([row for row, _ in block.rows], table)
        heading = [_filled(block.title, width), *([_filled(said, width)] if said else [])]
        paragraphs += ["\n".join(heading), grid]
    notes = [*facts_of(table), legend_of(table), *remarks_of(table, "simple")]
    if left_out:
        notes.insert(0, not_shown(left_out, width))
    paragraphs.append("\n".join(_filled(note, width) for note in notes))
    if table.has_defenses:
        paragraphs += _with_filled_notes(defense_table(table, "simple", width), width)
    if table.main is not None:
        of_budgets = series_table(
            table.series, table.main.label, "simple", defended=table.has_defenses, width=width
        )
        paragraphs += _with_filled_notes(of_budgets, width)
    return paragraphs


def _with_filled_notes(paragraphs: Sequence[str], width: int) -> list[str]:
    """Title and grid as they are; the notes below them in lines that fit."""
    return [*paragraphs[:-1], *(_filled(notes, width) for notes in paragraphs[-1:])]


def _head(table: Table) -> str:
    """Dataset, goal, and how many seeds the main metric is the mean of."""
    said = f"{table.about['dataset']}; {table.about['goal']}."
    if table.main is not None:
        ceiling = "" if table.main.ceiling is None else f" (max {table.main.ceiling:g})"
        seeds = sorted({len(row.seeds) for row in table.rows})
        n = str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
        over = (
            "one seed, without an interval"
            if n == "1"
            else f"mean and 95 % interval over {n} seeds"
        )
        said += f" {table.main.label}{ceiling}: {over}."
    if differs := table.about.get("differs from the first table in"):
        said += f" Differs from the first table in {differs}."
    return said


def _columns(block: RowBlock, table: Table) -> list[Column]:
    rows = [row for row, _ in block.rows]
    main = None if table.main is None else table.main.label
    columns = [
        Column(head="attack", cells=[one_line(full_attack_of(row)) for row in rows]),
        Column(
            head="metric" if main is None else one_line(main),
            cells=["-" if main is None else shown(row.metrics[main]) for row in rows],
        ),
        Column(
            head="gain",
            cells=[shown(row.gain, signed=True) for row in rows],
            short=[shown_mean(row.gain, signed=True) for row in rows],
        ),
        Column(head="rank", cells=[shown_rank(row.rank, marked=True) for row in rows]),
        Column(
            head="failed in",
            cells=[failed_of(row) for row in rows],
        ),
        Column(
            head="placebo",
            cells=[placebo_of(*pair) for pair in block.rows],
            short=[placebo_of(*pair, short=True) for pair in block.rows],
        ),
        Column(head="seeds", cells=[seeds_of(row) for row in rows]),
    ]
    told = [column for column in columns[2:-1] if set(column.cells) != {"-"}]
    uneven = len({*columns[-1].cells}) > 1 or not columns[-1].cells[0].isdigit()
    return [*columns[:2], *(columns[-1:] if uneven else []), *told]


def _filled(text: str, width: int) -> str:
    return textwrap.fill(one_line(text), width, break_on_hyphens=False)
