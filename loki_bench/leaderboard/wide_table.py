"""Every row and every column of a table in one grid, for `--all`."""

from collections.abc import Callable

from tabulate import tabulate

from loki_bench.leaderboard.formatting import names_in
from loki_bench.leaderboard.intervals import shown
from loki_bench.leaderboard.row_cells import (
    attack_of,
    failed_of,
    metric_head,
    samples_of,
    seeds_of,
    shown_rank,
)
from loki_bench.leaderboard.rows import shown_budget
from loki_bench.leaderboard.statistics import shown_p
from loki_bench.leaderboard.table import Row, Table

__all__ = ["wide_table"]


def wide_table(table: Table, style: str) -> str:
    """A line for each row, placebos included; ``style`` is tabulate's."""
    name = names_in(style)
    heads = [name(metric_head(column)) for column in table.columns] or ["metric"]
    headers = [
        "victim",
        "budget",
        *(["defense"] if table.has_defenses else []),
        "attacker",
        "simulator",
        heads[0],
        "gain over the best baseline",
        "p",
        "failed in",
        "rank",
        "behind the best",
        "p of the pair",
        *heads[1:],
        "seeds",
        "poison samples",
    ]
    text: str = tabulate(
        [_cells(row, table, name) for row in table.rows],
        headers=headers,
        tablefmt=style,
        disable_numparse=True,
    )
    return text


def _cells(row: Row, table: Table, name: Callable[[str], str]) -> list[str]:
    values = [shown(row.metrics[column.label]) for column in table.columns]
    return [
        name(row.victim),
        shown_budget(row.fake_users, row.actions, row.event_share),
        *([name(row.defense)] if table.has_defenses else []),
        name(attack_of(row)),
        name(row.simulator),
        *values[:1],
        shown(row.gain, signed=True),
        shown_p(row.p_value),
        "-" if row.n_failed is None else f"{failed_of(row)} seeds",
        shown_rank(row.rank),
        shown(row.behind),
        shown_p(row.behind_p),
        *values[1:],
        seeds_of(row),
        samples_of(row),
    ]
