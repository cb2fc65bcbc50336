"""A page's table: a grid for each victim, budget and defense, with every metric."""

from tabulate import tabulate

from loki_bench.leaderboard.blocks import RowBlock, blocks_of
from loki_bench.leaderboard.formatting import escape_markdown
from loki_bench.leaderboard.intervals import shown
from loki_bench.leaderboard.row_cells import (
    failed_of,
    full_attack_of,
    metric_head,
    placebo_of,
    samples_of,
    seeds_of,
    shown_rank,
)
from loki_bench.leaderboard.statistics import shown_p
from loki_bench.leaderboard.table import Table

__all__ = ["grouped_table"]

N_KEPT = 2
"""Attack and main metric are columns whatever they hold."""


def grouped_table(table: Table) -> list[str]:
    """Markdown: a heading and a grid for each block; what all of its rows share stands above it."""
    found = []
    for block in blocks_of(table):
        columns = _columns(block, table)
        is_shared = [
            place >= N_KEPT and len(cells) > 1 and len(set(cells)) == 1
            for place, (_, cells) in enumerate(columns)
        ]
        shared = [
            f"{head} {cells[0]}"
            for (head, cells), alike in zip(columns, is_shared, strict=True)
            if alike and cells[0] != "-"
        ]
        kept = [column for column, alike in zip(columns, is_shared, strict=True) if not alike]
        grid: str = tabulate(
            list(zip(*(cells for _, cells in kept), strict=True)),
            headers=[head for head, _ in kept],
            tablefmt="github",
            disable_numparse=True,
        )
        found.append(f"## {escape_markdown(block.title)}")
        found += [f"In every row: {', '.join(shared)}."] if shared else []
        found.append(grid)
    return found


def _columns(block: RowBlock, table: Table) -> list[tuple[str, list[str]]]:
    """Of each column its head, and a cell for each row."""
    rows = [row for row, _ in block.rows]
    heads = [escape_markdown(metric_head(column)) for column in table.columns] or ["metric"]
    values = [[shown(row.metrics[column.label]) for row in rows] for column in table.columns]
    values = values or [["-"] * len(rows)]
    return [
        ("attack", [escape_markdown(full_attack_of(row)) for row in rows]),
        (heads[0], values[0]),
        ("gain", [shown(row.gain, signed=True) for row in rows]),
        ("p", [shown_p(row.p_value) for row in rows]),
        ("failed in", [failed_of(row) for row in rows]),
        ("rank", [shown_rank(row.rank) for row in rows]),
        ("behind the best", [shown(row.behind) for row in rows]),
        ("p of the pair", [shown_p(row.behind_p) for row in rows]),
        (
            "placebo",
            ["-" if placebo is None else placebo_of(row, placebo) for row, placebo in block.rows],
        ),
        *zip(heads[1:], values[1:], strict=True),
        ("seeds", [seeds_of(row) for row in rows]),
        ("poison samples", [samples_of(row) for row in rows]),
    ]
