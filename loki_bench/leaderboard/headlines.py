"""What a table says first: the best attack of each victim and budget, and whom it is tied with."""

from collections.abc import Sequence
from itertools import groupby

from loki_bench.leaderboard.blocks import title_of
from loki_bench.leaderboard.intervals import EQUAL, shown, shown_mean
from loki_bench.leaderboard.rows import name_of
from loki_bench.leaderboard.table import Pair, Row, Table

__all__ = ["headline_of", "headlines", "tied_with_best"]


def headlines(table: Table) -> list[str]:
    """A sentence for each victim, budget and defense with a ranked row; none in other tables.

    ``On bprmf, 3 % x 15: covisit has the best display_rate@10, 0.410 ± 0.007, tied with loki.``
    """
    return [
        f"On {title}: {said}"
        for title, block in groupby(table.rows, key=title_of)
        if (said := headline_of(list(block), table))
    ]


def headline_of(rows: Sequence[Row], table: Table) -> str:
    """The sentence of one victim, budget and defense; empty where fewer than two are ranked."""
    main = table.main
    ranked = [row for row in rows if row.rank is not None]
    if main is None or len(ranked) < 2:
        return ""
    best = next(row for row in ranked if row.behind is None)
    values = [row.metrics[main.label] for row in ranked]
    means = [value.mean for value in values if value is not None]
    if max(means) - min(means) <= EQUAL:  # none is the best, and an interval of each says little
        return f"all attacks have the same {main.label}, {shown_mean(best.metrics[main.label])}."
    tied = tied_with_best(table.pairs, best)
    said = f"tied with {_listed(tied)}" if tied else "clearly above all others"
    return (
        f"{name_of(best.attacker, best.simulator)} has the best {main.label}, "
        f"{shown(best.metrics[main.label])}, {said}."
    )


def tied_with_best(pairs: Sequence[Pair], best: Row) -> list[str]:
    """The attacks that the seeds do not tell from the best row of their block, best first."""
    own = (best.attacker, best.simulator)
    tied = [
        pair
        for pair in pairs
        if pair.better == own
        and not pair.clear
        and all(getattr(best, name) == value for name, value in pair.where.items())
    ]
    return [name_of(*pair.worse) for pair in sorted(tied, key=lambda pair: pair.difference.mean)]


def _listed(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"
