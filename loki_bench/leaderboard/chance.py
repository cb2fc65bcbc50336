"""Victims that rank no better than chance: nothing about attacks can be learned from them."""

import math

from loki_bench.leaderboard.rows import NO_ATTACK, NO_DEFENSE
from loki_bench.leaderboard.table import Table

__all__ = ["victims_at_chance"]

N_SIGMA = 1.96
"""Of a share of one test event a user: the half-width of its 95 % interval at chance level."""


def victims_at_chance(table: Table) -> list[str]:
    """A sentence for each clean victim whose hit rate could be chance.

    Chance shows each item in ``k / n_items`` of the lists; a hit rate within what that gives for
    so many users (binomial, normal approximation) does not tell the victim from it.
    """
    found: dict[str, str] = {}
    for row in table.rows:
        if row.attacker != NO_ATTACK or row.placebo or row.defense != NO_DEFENSE:
            continue
        for label, value in row.metrics.items():
            name, _, cutoff = label.partition("@")
            if name != "hr" or value is None or not cutoff.isdecimal():
                continue
            chance = min(1.0, int(cutoff) / table.n_items)
            spread = N_SIGMA * math.sqrt(chance * (1 - chance) / table.n_evaluated)
            if value.mean <= chance + spread and chance < 1:
                found.setdefault(
                    row.victim,
                    f"victim '{row.victim}' ranks no better than chance ({label} "
                    f"{value.mean:.3f}, chance {chance:.3f})",
                )
    return list(found.values())
