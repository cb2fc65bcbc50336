"""Figures of what attacks reach: by victim, over budgets, and with a single surrogate."""

from collections.abc import Sequence

from loki_bench.leaderboard.intervals import shown
from loki_bench.leaderboard.row_cells import shown_rank
from loki_bench.leaderboard.table import Row, Table
from loki_bench.records.schema import MetricInfo
from loki_bench.report.figure import Figure, Numbers
from loki_bench.report.figure_data import Line, Transfer, attack_of, lines, transfers
from loki_bench.report.looks import look_of
from loki_bench.report.names import (
    attack_name,
    budget_name,
    metric_name,
    person_name,
    place_name,
    shown_label,
)
from loki_bench.report.panels import Curve, Dot, curves_panel, dots_panel, matrix_panel
from loki_bench.report.scales import metric_ends
from loki_bench.suite.actions import actions_order

MOST = 24
"""Attacks in a panel: more can't be told apart, and the table has them all."""

__all__ = ["dots_of", "question_of", "series_of", "transfer_of"]


def question_of(table: Table) -> str:
    """The figure that a table is about: several budgets make it a curve, surrogates a matrix."""
    if any(len(line.x) > 1 for line in lines(table, "fake_users")):
        return "budget"
    if any(len(line.x) > 1 for line in lines(table, "actions")):
        return "actions"
    return "transfer" if transfers(table) else "overall"


def dots_of(table: Table, column: MetricInfo) -> Figure | None:
    """Every attack with its interval, a panel for each victim, under the largest budget."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in table.rows:
        if not row.placebo and row.metrics[column.label] is not None:
            groups.setdefault((row.victim, row.defense), []).append(row)
    panels, numbers, victims = [], [], list[str]()
    for (victim, defense), rows in groups.items():
        largest = max(_budget(row) for row in rows)
        own = [row for row in rows if _budget(row) == largest]
        values = [(row, value) for row in own if (value := row.metrics[column.label]) is not None]
        if column.label != table.columns[0].label:
            sign = 1 if column.higher_is == "better for the platform" else -1
            values.sort(key=lambda pair: sign * pair[1].mean)
        if len(values) < 2:
            continue
        n_all = len(values)
        values = values[:MOST]
        budget = budget_name(own[0].fake_users, own[0].actions)
        place = f"{place_name(victim, defense)}, {budget}"
        title = place if n_all <= MOST else f"{place}: the first {MOST} of {n_all} attacks"
        victims.append(victim)
        is_main = column == table.main
        dots = [
            Dot(
                name=attack_name(row.attacker, row.simulator),
                values=((look_of(attack_of(row)), value, ""),),
                note=_tie(row) if is_main else "",
            )
            for row, value in values
        ]
        ends = metric_ends(column, [value for _, value in values])
        panels.append(
            dots_panel(title, dots, ends, metric_name(column.label), ceiling=column.ceiling)
        )
        numbers += [
            (place, attack_name(row.attacker, row.simulator), shown(value), _rank(row, is_main))
            for row, value in values
        ]
    if not panels:
        return None
    name = "overall" if column == table.main else f"overall {metric_name(column.label)}"
    return Figure(
        name=name,
        title=f"{metric_name(column.label)} of every attack, with its 95 % interval",
        panels=tuple(panels),
        key=(),
        numbers=Numbers(
            heads=("victim and budget", "attack", metric_name(column.label), "rank"),
            rows=tuple(numbers),
        ),
        victims=tuple(victims),
    )


def _budget(row: Row) -> tuple[float, float]:
    return row.fake_users, actions_order(row.actions)


def _tie(row: Row) -> str:
    return shown_rank(row.rank, marked=True) if row.rank and row.rank[1] != row.rank[2] else ""


def _rank(row: Row, is_main: bool) -> str:
    return shown_rank(row.rank, marked=True) if is_main else "-"


def series_of(table: Table, over: str) -> Figure | None:
    """A line for each attack along ``"fake_users"`` or ``"actions"``, a panel for each victim."""
    found = [line for line in lines(table, over) if len(line.x) > 1]
    main = table.main
    if not found or main is None:
        return None
    by_share = over == "fake_users"
    x_label = "fake users, % of genuine users" if by_share else "actions of a fake user"
    ends = metric_ends(main, [y for line in found for y in line.y])
    order = sorted({line.attack for line in found}, key=lambda attack: _height(attack, found))
    n_all = len(order)
    order = order[:MOST]
    found = [line for line in found if line.attack in order]
    victims = sorted({line.victim for line in found})
    panels = [
        curves_panel(
            person_name(victim),
            [
                Curve(name=shown_label(line.attack), look=look_of(line.attack), x=line.x, y=line.y)
                for attack in order
                for line in found
                if line.victim == victim and line.attack == attack
            ],
            ends,
            x_label,
            metric_name(main.label),
            ceiling=main.ceiling,
            logarithmic=by_share,
        )
        for victim in victims
    ]
    more = "" if n_all <= MOST else f": the highest {MOST} of {n_all} attacks"
    return Figure(
        name="budget" if by_share else "actions",
        title=f"{metric_name(main.label)} over {x_label}{more}",
        panels=tuple(panels),
        key=tuple((shown_label(attack), look_of(attack)) for attack in order),
        numbers=Numbers(
            heads=("victim", "attack", x_label, metric_name(main.label)),
            rows=tuple(
                (person_name(line.victim), shown_label(line.attack), f"{x:g}", shown(y))
                for line in sorted(found, key=lambda line: (line.victim, order.index(line.attack)))
                for x, y in zip(line.x, line.y, strict=True)
            ),
        ),
        victims=tuple(victims),
    )


def _curve(line: Line) -> Curve:
    return Curve(name=shown_label(line.attack), look=look_of(line.attack), x=line.x, y=line.y)


def _height(attack: str, found: Sequence[Line]) -> tuple[float, str]:
    """The highest first, as at the right end of the curves."""
    return -max(line.y[-1].mean for line in found if line.attack == attack), attack


def transfer_of(table: Table) -> Figure | None:
    """Surrogate by victim for each attack that was run with several single surrogates."""
    found, main = transfers(table), table.main
    if not found or main is None:
        return None
    # of a metric that is zero everywhere nothing is the highest: all fields are as light
    highest = main.ceiling or max(v.mean for one in found for v in one.values.values()) or 1.0
    panels, numbers = [], []
    for one in found:
        surrogates, victims = (sorted(set(names)) for names in zip(*one.values, strict=True))
        panels.append(
            matrix_panel(
                f"{person_name(one.attacker)}: {metric_name(main.label)} with one surrogate",
                [person_name(name) for name in surrogates],
                [person_name(name) for name in victims],
                {
                    (surrogates.index(s), victims.index(v)): (
                        value.mean / highest,
                        (f"{value.mean:.3f}", f"{value.low:.3f} to {value.high:.3f}"),
                    )
                    for (s, v), value in one.values.items()
                },
                row_label="surrogate",
                column_label="victim",
            )
        )
        numbers += _transfer_rows(one)
    return Figure(
        name="transfer",
        title="Does an attack carry over from the surrogate it knows to the victim?",
        panels=tuple(panels),
        key=(),
        numbers=Numbers(
            heads=("attack", "surrogate", "victim", metric_name(main.label)), rows=tuple(numbers)
        ),
    )


def _transfer_rows(one: Transfer) -> list[tuple[str, ...]]:
    return [
        (person_name(one.attacker), person_name(surrogate), person_name(victim), shown(value))
        for (surrogate, victim), value in sorted(one.values.items())
    ]
