"""How good a defense is: its worst case over attackers, with that attacker named.

A mean over attackers says little: whoever attacks chooses the attack that the defense misses.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loki_bench.leaderboard.row_key import NO_DEFENSE
from loki_bench.leaderboard.statistics import Interval
from loki_bench.leaderboard.table import Row, Table

__all__ = ["DEFENSE_METRICS", "WorstCase", "worst_cases"]

DEFENSE_METRICS = (
    "clean_hr_lost",
    "clean_ndcg_lost",
    "genuine_harmed",
    "detection_precision",
    "detection_recall",
    "detection_auc",
)
"""Metrics that say what a defense costs and finds, in the order of a table's columns."""


@dataclass(frozen=True, kw_only=True)
class WorstCase:
    """One defense of one victim at one budget, against the attack that it does worst against.

    Attributes
    ----------
    row : Row
        The attack that is left with the main metric best for the attacker; None where no attack
        has a result.
    undefended : Interval or None
        The main metric of the same attack without a defense, where the table has it.
    n_attacks : int
        Attacks tried; the null attack and placebos are not counted.
    n_without_result : int
        Attacks of these without the main metric: a worst case over the others may be too good.
    """

    victim: str
    fake_users: float
    actions: int
    defense: str
    row: Row | None
    undefended: Interval | None
    n_attacks: int
    n_without_result: int


def worst_cases(table: Table) -> tuple[WorstCase, ...]:
    """A row for each defense, best first at each victim and budget; no row without defenses."""
    if not table.metric_labels or all(row.defense == NO_DEFENSE for row in table.rows):
        return ()
    main, wants = table.metric_labels[0], 1 if table.higher_is_better else -1
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    by_attack: dict[tuple[Any, ...], Row] = {}
    for row in table.rows:
        if row.attacker == "none" or row.placebo:
            continue
        groups[row.victim, row.fake_users, row.actions, row.defense].append(row)
        by_attack[_attack(row), row.defense] = row
    found = [_worst_case(rows, main, wants, by_attack) for rows in groups.values()]
    return tuple(sorted(found, key=lambda case: _rank(case, main, wants)))


def _worst_case(
    rows: list[Row], main: str, wants: int, by_attack: Mapping[tuple[Any, ...], Row]
) -> WorstCase:
    known = [(row, value) for row in rows if (value := row.metrics[main]) is not None]
    # equal values: the attack first by name, whatever the order of the rows
    worst = min(
        known, key=lambda k: (-wants * k[1].mean, k[0].attacker, k[0].simulator), default=None
    )
    row = None if worst is None else worst[0]
    same = None if row is None else by_attack.get((_attack(row), NO_DEFENSE))
    return WorstCase(
        victim=rows[0].victim,
        fake_users=rows[0].fake_users,
        actions=rows[0].actions,
        defense=rows[0].defense,
        row=row,
        undefended=None if same is None else same.metrics[main],
        n_attacks=len(rows),
        n_without_result=len(rows) - len(known),
    )


def _rank(case: WorstCase, main: str, wants: int) -> tuple[Any, ...]:
    left = None if case.row is None else case.row.metrics[main]
    height = float("inf") if left is None else wants * left.mean
    return (case.victim, -case.fake_users, -case.actions, height, case.defense)


def _attack(row: Row) -> tuple[Any, ...]:
    return (row.victim, row.fake_users, row.actions, row.attacker, row.simulator)
