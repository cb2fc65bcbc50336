"""How many events a budget adds, as a share of genuine ones: what compares across data sets.

Three per cent of users are many events where users are short and few where they are long, so every
table shows both.
"""

from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import TypeAlias

from loki_bench.leaderboard.rows import Entry
from loki_bench.suite.actions import GENUINE, Actions

__all__ = ["EventShares", "event_shares", "shown_budget"]

EventShares: TypeAlias = Mapping[tuple[float, Actions], float]
"""By share of fake users and actions; a budget whose events are not known is left out."""


def event_shares(entries: Iterable[Entry]) -> EventShares:
    """Events that each budget of one dataset grants, over all genuine events.

    The number of fake users times their actions. With genuine lengths it is what the fake users'
    lengths add up to, as attacks that were run have it, in the mean over seeds; those of a budget
    that nobody was run with are not known.
    """
    found: dict[tuple[float, Actions], float] = {}
    drawn: dict[tuple[float, Actions], dict[int, float]] = {}
    for entry in entries:
        budget, n_genuine = entry.cell.budget, entry.cell.dataset.n_events
        place = (budget.fake_users, budget.actions)
        if budget.actions != GENUINE:
            found[place] = budget.n_fake_users * budget.actions / n_genuine
            continue
        spent = None if entry.record is None else entry.record.spent
        if spent is not None and spent.fake_users:
            # each fake user has exactly the length that it was given: all attacks of a seed agree
            drawn.setdefault(place, {})[entry.cell.seed] = spent.events / n_genuine
    return found | {place: fmean(shares.values()) for place, shares in drawn.items()}


def shown_budget(fake_users: float, actions: Actions, event_share: float | None) -> str:
    """A budget as tables have it.

    >>> shown_budget(0.03, 15, 0.0507)
    '3 % x 15 (5.07 % of events)'
    >>> shown_budget(0.03, "genuine", None)
    '3 % x genuine'
    """
    events = "" if event_share is None else f" ({100 * event_share:.3g} % of events)"
    return f"{100 * fake_users:g} % x {actions}{events}"
