"""Whether the rows of a table may be ranked, and if so their ranks and tests.

Rows are ranked only if every one of them has every seed and the same components: otherwise the
table says which seed is missing or which field differs.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, TypeAlias

from loki_bench.leaderboard.comparability import differing_fields, lacking_seeds, said_differences
from loki_bench.leaderboard.row_key import RowKey
from loki_bench.leaderboard.statistics import holm, paired_p_value, rank_intervals

__all__ = ["Values", "best_baseline", "judged", "paired_differences", "why_not_ranked"]

Values: TypeAlias = Mapping[RowKey, Mapping[int, float]]
"""The main metric of each row, by seed."""


def why_not_ranked(
    groups: Mapping[RowKey, Sequence[Mapping[str, Any]]], values: Values
) -> tuple[str, ...]:
    """Mixed fields and missing seeds, each as one sentence; empty where rows can be ranked.

    A row all of whose cells ended without a result (rejected, failed, timed out) has nothing to
    rank and keeps nobody else from being ranked.
    """
    said = []
    seeds = {e["cell"]["seed"] for entries in groups.values() for e in entries}
    for key, entries in groups.items():
        cells = [{k: v for k, v in e["cell"].items() if k != "seed"} for e in entries]
        if differences := differing_fields(cells):
            said.append(f"the cells of {key} differ in {said_differences(differences)}")
        elif len({e["cell"]["seed"] for e in entries}) < len(entries):
            said.append(f"{key} has two cells of one seed")
        ended = not values[key] and all(e["status"] != "missing" for e in entries)
        if not ended and (lacking := lacking_seeds(seeds, values[key])):
            word = "seed" if len(lacking) == 1 else "seeds"
            listed = ", ".join(map(str, lacking))
            said.append(f"{key} has no result for {word} {listed}")
    for victim in dict.fromkeys(key.victim for key in groups):
        cells = [
            {"victim": entries[0]["cell"]["victim"]}
            for key, entries in groups.items()
            if key.victim == victim
        ]
        if differences := differing_fields(cells):
            said.append(f"rows of victim {victim} differ in {said_differences(differences)}")
    return tuple(said)


def judged(
    values: Values, best: Mapping[RowKey, RowKey | None], sign: int
) -> tuple[dict[RowKey, float], dict[RowKey, tuple[int, int, int]]]:
    """Corrected p-values of the attacks, and ranks of all rows but placebos, by row.

    Parameters
    ----------
    values : mapping of row to its main metric by seed; the same seeds in every row that has any
    best : mapping of row to the baseline that it is compared with
    sign : 1 where the attacker wants the main metric high, -1 where low
    """
    raw = {
        key: p_value
        for key, baseline in best.items()
        if baseline is not None
        and not (key.is_baseline or key.placebo)
        and (p_value := paired_p_value(paired_differences(values, key, baseline))) is not None
    }
    p_values = dict(zip(raw, holm(list(raw.values())), strict=True))
    ranks: dict[RowKey, tuple[int, int, int]] = {}
    for block in dict.fromkeys(key.block for key in values):
        rows = {
            key: by for key, by in values.items() if key.block == block and by and not key.placebo
        }
        matrix = {key: [by[seed] for seed in sorted(by)] for key, by in rows.items()}
        ranks |= rank_intervals(matrix, higher_is_better=sign > 0)
    return p_values, ranks


def best_baseline(key: RowKey, values: Values, sign: int) -> RowKey | None:
    """The paper's baseline that is best for an attacker at the same victim, budget and defense.

    It is chosen on the numbers that it is then compared with, which favours it: a gain is, if
    anything, too small.
    """
    rivals = [
        (sign * fmean(by.values()), other.attacker, other)
        for other, by in values.items()
        if by and other.is_baseline and other.block == key.block
    ]
    return max(rivals)[2] if rivals else None


def paired_differences(values: Values, key: RowKey, other: RowKey | None) -> list[float]:
    """Values of one row minus those of another, of the seeds that both have."""
    if other is None or other == key:
        return []
    own, rival = values.get(key, {}), values.get(other, {})
    return [own[seed] - rival[seed] for seed in sorted(own) if seed in rival]
