"""How good a defense is: its worst case over attackers, with that attacker named.

A mean over attackers says little: whoever attacks chooses the attack that the defense misses.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import JsonValue

from loki_bench.leaderboard.fitting import Column, grid_of, interval_column
from loki_bench.leaderboard.formatting import names_in
from loki_bench.leaderboard.intervals import Interval, plain
from loki_bench.leaderboard.rows import NO_ATTACK, NO_DEFENSE, name_of, shown_budget
from loki_bench.leaderboard.table import Row, Table
from loki_bench.suite.actions import Actions, actions_order

__all__ = ["WorstCase", "defense_table", "plain_worst_cases", "worst_cases"]

NOTES = (
    "Each defense against the attack of the suite that it leaves the most; none and placebos are "
    "no attacks. Detection and harm are those of that attack; what the clean victim loses does "
    "not depend on it."
)


@dataclass(frozen=True, kw_only=True)
class WorstCase:
    """One defense of one victim at one budget, against the attack that it does worst against.

    Attributes
    ----------
    event_share : float or None
        Events of the budget over all genuine events, see :class:`Row`.
    row : Row or None
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
    actions: Actions
    event_share: float | None
    defense: str
    row: Row | None
    undefended: Interval | None
    n_attacks: int
    n_without_result: int


class _Attack(NamedTuple):
    victim: str
    fake_users: float
    actions: Actions
    attacker: str
    simulator: str


def worst_cases(table: Table) -> tuple[WorstCase, ...]:
    """A row for each defense, best first at each victim and budget.

    Empty without defenses, where the main metric is neither good nor bad for an attacker, and
    where rows are not ranked. Rows that are shown and not ranked are no attack here.
    """
    if table.main is None or not table.sign or not table.has_defenses or table.not_ranked:
        return ()
    main, sign = table.main.label, table.sign
    groups: dict[tuple[str, float, Actions, str], list[Row]] = defaultdict(list)
    undefended: dict[_Attack, Row] = {}
    for row in table.rows:
        if row.attacker == NO_ATTACK or row.placebo or row.not_counted:
            continue
        groups[row.victim, row.fake_users, row.actions, row.defense].append(row)
        if row.defense == NO_DEFENSE:
            undefended[_attack(row)] = row
    found = [_worst_case(rows, main, sign, undefended) for rows in groups.values()]
    return tuple(sorted(found, key=lambda case: _place(case, main, sign)))


def defense_table(table: Table, style: str, width: int | None = None) -> list[str]:
    """Title, grid and notes; nothing where the table has no defense.

    ``style`` is tabulate's: a title is a heading in ``"github"``. With a ``width`` the grid has no
    more letters than that.
    """
    cases = worst_cases(table)
    if not cases or table.main is None:
        return []
    columns = _columns(cases, table, table.main.label, names_in(style))
    grid, left_out = grid_of(columns, style, width)
    return ["## Defenses" if style == "github" else "Defenses", grid, f"{left_out}{NOTES}"]


def plain_worst_cases(table: Table) -> list[JsonValue]:
    """The same for programs, with full precision."""
    return [_plain_case(case, table) for case in worst_cases(table)]


def _worst_case(
    rows: list[Row], main: str, sign: int, undefended: Mapping[_Attack, Row]
) -> WorstCase:
    known = [(row, value) for row in rows if (value := row.metrics[main]) is not None]
    # equal values: the attack first by name, whatever the order of the rows
    worst = min(
        known, key=lambda k: (-sign * k[1].mean, k[0].attacker, k[0].simulator), default=None
    )
    row = None if worst is None else worst[0]
    same = None if row is None else undefended.get(_attack(row))
    return WorstCase(
        victim=rows[0].victim,
        fake_users=rows[0].fake_users,
        actions=rows[0].actions,
        event_share=rows[0].event_share,
        defense=rows[0].defense,
        row=row,
        undefended=None if same is None else same.metrics[main],
        n_attacks=len(rows),
        n_without_result=len(rows) - len(known),
    )


def _place(case: WorstCase, main: str, sign: int) -> tuple[str, float, float, float, str]:
    left = None if case.row is None else case.row.metrics[main]
    height = float("inf") if left is None else sign * left.mean
    return (case.victim, -case.fake_users, -actions_order(case.actions), height, case.defense)


def _attack(row: Row) -> _Attack:
    return _Attack(row.victim, row.fake_users, row.actions, row.attacker, row.simulator)


def _labels(table: Table) -> list[str]:
    """What defenses cost and find."""
    purposes = ("defense cost", "detection")
    return [column.label for column in table.columns if column.purpose in purposes]


def _columns(
    cases: Sequence[WorstCase], table: Table, main: str, name: Callable[[str], str]
) -> list[Column]:
    def values(label: str) -> list[Interval | None]:
        return [None if case.row is None else case.row.metrics[label] for case in cases]

    return [
        Column(head="victim", cells=[name(case.victim) for case in cases]),
        Column(
            head="budget",
            cells=[shown_budget(c.fake_users, c.actions, c.event_share) for c in cases],
            short=[shown_budget(c.fake_users, c.actions, None) for c in cases],
        ),
        Column(head="defense", cells=[name(case.defense) for case in cases]),
        Column(head="worst attacker", cells=[name(_worst_attacker(case)) for case in cases]),
        interval_column(f"{name(main)} left", values(main)),
        interval_column("without defense", [case.undefended for case in cases]),
        *(interval_column(name(label), values(label)) for label in _labels(table)),
        Column(head="attacks", cells=[_attacks(case) for case in cases]),
    ]


def _worst_attacker(case: WorstCase) -> str:
    if case.row is None:
        return "-"
    return name_of(case.row.attacker, case.row.simulator)


def _attacks(case: WorstCase) -> str:
    without = f", {case.n_without_result} without result" if case.n_without_result else ""
    return f"{case.n_attacks}{without}"


def _plain_case(case: WorstCase, table: Table) -> dict[str, JsonValue]:
    row = case.row
    left = None if row is None or table.main is None else row.metrics[table.main.label]
    metrics = {} if row is None else {label: plain(row.metrics[label]) for label in _labels(table)}
    return {
        "victim": case.victim,
        "fake_users": case.fake_users,
        "actions": case.actions,
        "event_share": case.event_share,
        "defense": case.defense,
        "worst_attacker": None if row is None else row.attacker,
        "simulator": None if row is None else row.simulator,
        "left": plain(left),
        "undefended": plain(case.undefended),
        "metrics": {**metrics},
        "n_attacks": case.n_attacks,
        "n_without_result": case.n_without_result,
    }
