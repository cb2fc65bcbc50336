"""Figures of what attacks did: lengths of sequences, learned sequences, learning curves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loki_bench.leaderboard.intervals import Interval
from loki_bench.report.figure import Figure, Numbers
from loki_bench.report.figure_data import Learned, LengthShares, attack_of
from loki_bench.report.looks import look_at
from loki_bench.report.names import budget_name, place_name, shown_label
from loki_bench.report.panels import Curve, curves_panel, lengths_panel, matrix_panel

__all__ = ["learning_of", "lengths_of", "sequences_of"]


def lengths_of(found: Sequence[LengthShares]) -> Figure | None:
    """A panel for each attack, or for all of them where they lead to the same lengths."""
    if not found:
        return None
    panels, numbers = [], []
    for shares in found:
        last = max(_length_below(shares.before, 0.99), 2)
        attacks = ", ".join(map(shown_label, shares.attacks))
        title = f"{attacks}, {shares.budget}"
        panels.append(lengths_panel(title, shares.before, shares.after, last))
        numbers += [
            (title, str(length), _percent(shares.before, length), _percent(shares.after, length))
            for length in sorted({*shares.before, *shares.after})
            if length <= last
        ]
        rest = [
            f"{100 * sum(s for n, s in own.items() if n > last):.2f} %"
            for own in (shares.before, shares.after)
        ]
        numbers.append((title, f"over {last}", rest[0], rest[1]))
    return Figure(
        name="lengths",
        title="How long users' sequences are before and after the injection",
        panels=tuple(panels),
        key=(),
        numbers=Numbers(
            heads=("attacks and budget", "events", "users before", "users after"),
            rows=tuple(numbers),
        ),
    )


def _percent(shares: Mapping[int, float], length: int) -> str:
    return f"{100 * shares.get(length, 0.0):.2f} %"


def _length_below(shares: Mapping[int, float], part: float) -> int:
    total = 0.0
    for length, share in shares.items():
        total += share
        if total >= part:
            return length
    return max(shares)


@dataclass(frozen=True, kw_only=True)
class _Lesson:
    """What was learned, and everywhere where it was: a poison may serve for several victims."""

    title: str
    what: Learned


def _merged(found: Sequence[Learned]) -> list[_Lesson]:
    """Each lesson once, with all of its victims in the title."""
    groups: list[tuple[Learned, list[str]]] = []
    for one in found:
        place = place_name(one.row.victim, one.row.defense)
        same = (
            places
            for other, places in groups
            if attack_of(other.row) == attack_of(one.row)
            and other.row[1:3] == one.row[1:3]
            and (other.sequences, other.curves) == (one.sequences, one.curves)
        )
        if (places := next(same, None)) is None:
            groups.append((one, [place]))
        else:
            places.append(place)
    return [
        _Lesson(
            title=f"{shown_label(attack_of(one.row))} on {', '.join(places)}, "
            f"{budget_name(one.row.fake_users, one.row.actions)}",
            what=one,
        )
        for one, places in groups
    ]


def sequences_of(reported: Sequence[Learned]) -> Figure | None:
    """Share of seeds whose most common sequence has a group at a step."""
    found = _merged(reported)
    panels, numbers = [], []
    for one in found:
        rows = [row for row in one.what.sequences.values() if row]
        if not rows:
            continue
        groups = sorted({group for row in rows for group in row}, key=_group_place)
        horizon = max(map(len, rows))
        fields = {}
        for place, group in enumerate(groups):
            for step in range(horizon):
                n = sum(row[step : step + 1] == (group,) for row in rows)
                if n:
                    fields[place, step] = (n / len(rows), (str(n),))
        panels.append(
            matrix_panel(
                one.title,
                groups,
                [str(step) for step in range(1, horizon + 1)],
                fields,
                row_label="group",
                column_label="action of a fake user",
                column_width=15.0,
            )
        )
        numbers += [
            (one.title, f"seed {seed}", ", ".join(row)) for seed, row in one.what.sequences.items()
        ]
    if not panels:
        return None
    return Figure(
        name="sequences",
        title="Which groups of items an attack learned to select: at each step, in how many seeds",
        panels=tuple(panels),
        key=(),
        numbers=Numbers(
            heads=("attack, victim and budget", "seed", "groups in their order"),
            rows=tuple(numbers),
        ),
    )


def learning_of(reported: Sequence[Learned]) -> Figure | None:
    """The mean return by round of training, a line for each seed."""
    found = _merged([one for one in reported if one.curves])
    seeds = sorted({seed for one in found for seed in one.what.curves})
    panels, numbers = [], []
    for one in found:
        values = [value for curve in one.what.curves.values() for value in curve]
        if not values:
            continue
        low, high = min(0.0, *values), max(values)
        panels.append(
            curves_panel(
                one.title,
                [
                    Curve(
                        name=f"seed {seed}",
                        look=look_at(seeds.index(seed)),
                        x=tuple(float(n) for n in range(1, len(curve) + 1)),
                        y=tuple(Interval(value, value, value, 1) for value in curve),
                    )
                    for seed, curve in one.what.curves.items()
                    if curve
                ],
                (low, high if high > low else low + 1),
                "round of training",
                "mean return of a fake user",
            )
        )
        numbers += [
            (one.title, str(seed), f"{curve[0]:.4g}", f"{curve[-1]:.4g}", str(len(curve)))
            for seed, curve in one.what.curves.items()
            if curve
        ]
    if not panels:
        return None
    return Figure(
        name="learning",
        title="How the return of an attack grew while it learned",
        panels=tuple(panels),
        key=tuple((f"seed {seed}", look_at(n)) for n, seed in enumerate(seeds)),
        numbers=Numbers(
            heads=("attack, victim and budget", "seed", "first return", "last return", "rounds"),
            rows=tuple(numbers),
        ),
    )


def _group_place(group: str) -> tuple[int, str]:
    """Targets first, then the target users' items, then clusters by number."""
    if group == "targets":
        return 0, group
    name, _, number = group.rpartition(" ")
    return (2 + int(number), name) if number.isdecimal() else (1, group)
