"""What a table says first: the best attack of each victim and budget, and whom it is tied with."""

from collections.abc import Sequence
from itertools import groupby

from loki_bench.leaderboard.intervals import shown
from loki_bench.leaderboard.rows import NO_DEFENSE, NO_SIMULATOR
from loki_bench.leaderboard.table import Pair, Row, Table
from loki_bench.suite.actions import Actions

__all__ = ["headlines", "tied_with_best"]


def headlines(table: Table) -> list[str]:
    """A sentence for each victim, budget and defense with a ranked row; none in other tables.

    ``On bprmf, 3 % x 15: covisit has the best display_rate@10, 0.410 ± 0.007, tied with loki.``
    """
    main = table.main
    if main is None:
        return []
    found = []
    for _, block in groupby(table.rows, key=_block):
        ranked = [row for row in block if row.rank is not None]
        if len(ranked) < 2:
            continue
        best = next(row for row in ranked if row.behind is None)
        tied = tied_with_best(table.pairs, best)
        said = f"tied with {_listed(tied)}" if tied else "clearly above all others"
        found.append(
            f"{_where(best)}: {_name(best.attacker, best.simulator)} has the best {main.label}, "
            f"{shown(best.metrics[main.label])}, {said}."
        )
    return found


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
    return [_name(*pair.worse) for pair in sorted(tied, key=lambda pair: pair.difference.mean)]


def _block(row: Row) -> tuple[str, float, Actions, str]:
    return row.victim, row.fake_users, row.actions, row.defense


def _where(row: Row) -> str:
    defended = "" if row.defense == NO_DEFENSE else f" defended by {row.defense}"
    return f"On {row.victim}{defended}, {100 * row.fake_users:g} % x {row.actions}"


def _name(attacker: str, simulator: str) -> str:
    return attacker if simulator == NO_SIMULATOR else f"{attacker} ({simulator})"


def _listed(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"
