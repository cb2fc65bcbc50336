"""What a reader of a table must be warned of, a sentence each; nothing where all is well."""

import math
from collections import defaultdict

from loki_bench.leaderboard.rows import NO_ATTACK, NO_DEFENSE, REPLAYED
from loki_bench.leaderboard.table import Table

__all__ = ["warnings_of"]

_N_SIGMA = 1.96
"""Of a share of one test event a user: the half-width of its 95 % interval at chance level."""


def warnings_of(table: Table) -> list[str]:
    """Victims at chance, nothing to rank, and what the records tell against an attack."""
    said = _victims_at_chance(table)
    ranked = [row for row in table.rows if row.rank is not None]
    if ranked and all(row.baseline for row in ranked):
        said.append("Nothing to rank: no attack but baselines has a result")
    if table.about["isolation of attackers"] == "in-process":
        said.append("Not confined: attacks ran in-process, where they can read and change all")
    if any(row.not_confined or row.others_not_confined for row in table.rows):
        said += _not_confined(table)
    if any(row.not_deterministic for row in table.rows):
        said += _not_deterministic(table)
    if any(row.not_counted for row in table.rows):
        said += _not_counted(table)
    if replayed := sorted({r.attacker for r in table.rows if r.attacker.startswith(REPLAYED)}):
        said.append(
            f"Poison handed in: {', '.join(replayed)}: fake users as they were given; no attack "
            "wrote them here, so no placebo can tell whether they are target-specific"
        )
    return said


def _victims_at_chance(table: Table) -> list[str]:
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
            spread = _N_SIGMA * math.sqrt(chance * (1 - chance) / table.n_evaluated)
            if value.mean <= chance + spread and chance < 1:
                found.setdefault(
                    row.victim,
                    f"victim '{row.victim}' ranks no better than chance ({label} "
                    f"{value.mean:.3f}, chance {chance:.3f})",
                )
    return list(found.values())


def _not_confined(table: Table) -> list[str]:
    """Attacks, victims, defenses and metrics by what they were kept from, each once."""
    parts: dict[str, dict[str, None]] = defaultdict(dict)
    for row in table.rows:
        if row.not_confined:
            parts[row.not_confined][row.attacker] = None
        for part, what in row.others_not_confined.items():
            parts[what][part] = None
    return [
        f"§ {', '.join(names)}: {what if what == 'not confined' else f'confined in part ({what})'}"
        for what, names in parts.items()
    ]


def _not_deterministic(table: Table) -> list[str]:
    told = {row.attacker: row.not_deterministic for row in table.rows if row.not_deterministic}
    return [f"‡ {attacker}: not deterministic: {why}" for attacker, why in told.items()]


def _not_counted(table: Table) -> list[str]:
    """Rows that were handed in and have no rank, by the reason."""
    rows: dict[str, list[str]] = defaultdict(list)
    for row in table.rows:
        if row.not_counted and not row.placebo:
            rows[row.not_counted].append(f"{row.attacker} on {row.victim}")
    return [f"Shown, not ranked: {', '.join(names)}: {why}" for why, names in rows.items()]
