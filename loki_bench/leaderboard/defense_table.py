"""Writes the table of defenses: one line a defense, with the attack that it does worst against."""

from collections.abc import Callable
from typing import Any

from tabulate import tabulate

from loki_bench.leaderboard.formatting import names_in, plain, shown
from loki_bench.leaderboard.table import Table
from loki_bench.leaderboard.worst_case import DEFENSE_METRICS, WorstCase, worst_cases

__all__ = ["defense_table", "plain_worst_cases"]

NOTES = (
    "Each defense against the attack of the suite that it leaves the most; none and placebos are "
    "no attacks. Detection and harm are those of that attack; what the clean victim loses does "
    "not depend on it."
)


def defense_table(table: Table, style: str) -> list[str]:
    """Title, grid and notes; nothing where the table has no defense.

    ``style`` is tabulate's: a title is a heading in ``"github"``.
    """
    cases = worst_cases(table)
    if not cases:
        return []
    name = names_in(style)
    main, columns = table.metric_labels[0], _columns(table)
    headers = ["victim", "budget", "defense", "worst attacker", f"{name(main)} left"]
    headers += ["without defense", *map(name, columns), "attacks"]
    grid: str = tabulate(
        [_cells(case, main, columns, name) for case in cases],
        headers=headers,
        tablefmt=style,
        disable_numparse=True,
    )
    return ["## Defenses" if style == "github" else "Defenses", grid, NOTES]


def plain_worst_cases(table: Table) -> list[dict[str, Any]]:
    """The same for programs, with full precision."""
    return [_plain_case(case, table) for case in worst_cases(table)]


def _columns(table: Table) -> list[str]:
    return [
        label
        for name in DEFENSE_METRICS
        for label in table.metric_labels
        if label.partition("@")[0] == name
    ]


def _cells(case: WorstCase, main: str, columns: list[str], name: Callable[[str], str]) -> list[str]:
    row = case.row
    attacker = "-" if row is None else row.attacker
    if row is not None and row.simulator != "-":
        attacker = f"{attacker} ({row.simulator})"
    without = f", {case.n_without_result} without result" if case.n_without_result else ""
    return [
        name(case.victim),
        f"{100 * case.fake_users:g} % x {case.actions}",
        name(case.defense),
        name(attacker),
        *("-" if row is None else shown(row.metrics[label]) for label in [main]),
        shown(case.undefended),
        *("-" if row is None else shown(row.metrics[label]) for label in columns),
        f"{case.n_attacks}{without}",
    ]


def _plain_case(case: WorstCase, table: Table) -> dict[str, Any]:
    row = case.row
    metrics = {} if row is None else {label: plain(row.metrics[label]) for label in _columns(table)}
    return {
        "victim": case.victim,
        "fake_users": case.fake_users,
        "actions": case.actions,
        "defense": case.defense,
        "worst_attacker": None if row is None else row.attacker,
        "simulator": None if row is None else row.simulator,
        "left": None if row is None else plain(row.metrics[table.metric_labels[0]]),
        "undefended": plain(case.undefended),
        "metrics": metrics,
        "n_attacks": case.n_attacks,
        "n_without_result": case.n_without_result,
    }
