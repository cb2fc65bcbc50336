"""What stands below a table: what its columns mean, and what is to be said of single rows."""

from loki_bench.leaderboard.formatting import names_in
from loki_bench.leaderboard.intervals import shown
from loki_bench.leaderboard.rows import NO_DEFENSE, shown_budget
from loki_bench.leaderboard.table import Row, Table
from loki_bench.leaderboard.warnings import warnings_of
from loki_bench.records.schema import MetricInfo

__all__ = ["legend_of", "notes_of", "remarks_of", "told"]


def notes_of(table: Table, style: str) -> str:
    """All that there is to say, a line each; ``style`` is tabulate's."""
    name = names_in(style)
    notes = [
        "Mean and 95 % confidence interval over seeds: Student's t, written as ends where the "
        "metric's range cuts it off; where all seeds agree, the bound that holds for any "
        "distribution. The gain is paired seed by seed against "
        f"{name(_best_baseline(table))} at the same victim and budget; p is its paired t-test, "
        "corrected by Holm for all attacks of the table. An attack failed in a seed where its gain "
        "is zero or less, or below half of the median of its seeds. Any two rows of one victim and "
        "budget are compared, too, paired and corrected by Holm over all pairs there: those that "
        "the seeds do not tell apart (p of 0.05 or more) are tied and share ranks; 1-3 is a row "
        "that could have any of these places. The JSON file has every pair."
    ]
    if table.columns:
        notes.append(f"Metrics: {'; '.join(told(column) for column in table.columns)}.")
    notes += facts_of(table)
    if any(row.placebo for row in table.rows):
        notes.append(
            "A placebo is the same attack, given other targets than those that are measured; its "
            "effect is by how much it moves the main metric from none."
        )
    return "\n".join([*notes, *remarks_of(table, style)])


def facts_of(table: Table) -> list[str]:
    """What the head tells where it is not as in most: a sample of users, run key, split ..."""
    return [
        f"{key.capitalize()}: {table.about[key]}."
        for key in ("evaluated users", "seeds", "split", "repeats", "regimes", "data")
        if key in table.about
    ]


def legend_of(table: Table) -> str:
    """What the columns of a short table mean, in a few sentences."""
    first = table.rows[0]
    each = f"{first.actions} actions each" if first.actions != "genuine" else "genuine lengths"
    share = f"{100 * first.fake_users:g} %"
    said = f"{share} x {first.actions}: {share} as many fake users as genuine ones, with {each}. "
    said += f"gain: over {_best_baseline(table)}, seed by seed. "
    said += "rank: rows that the seeds do not tell apart are tied. "
    said += "failed in: seeds without a gain, or with less than half of the median one."
    if any(row.placebo for row in table.rows):
        said += " placebo: by how much the attack moves these targets when it is given others."
    return said


def remarks_of(table: Table, style: str) -> list[str]:
    """What keeps rows from being ranked, what placebos tell, warnings, and why cells failed."""
    name = names_in(style)
    notes = []
    if table.not_ranked:
        notes.append(f"Not ranked: {name('; '.join(table.not_ranked))}.")
    has_placebos = any(row.placebo for row in table.rows)
    if has_placebos and (without := _budgets_without_placebo(table)):
        notes.append(f"No placebo was run at {', '.join(without)}: no row there is marked.")
    notes += [
        f"† {name(f'{row.attacker} on {row.victim}')}: not target-specific (placebo moves it, "
        f"too): its placebo moves {name(table.main.label)} by "
        f"{shown(row.placebo_effect, signed=True)} from none."
        for row in table.rows
        if row.marked and table.main is not None
    ]
    notes += [f"{name(warning)}." for warning in warnings_of(table)]
    if table.has_defenses:
        notes.append("Rows are compared with those behind the same defense.")
    for row in table.rows:
        against = "" if row.defense == NO_DEFENSE else f" defended by {row.defense}"
        notes += [name(f"{row.attacker} on {row.victim}{against}: {why}") for why in row.reasons]
    return notes


def told(metric: MetricInfo) -> str:
    """How to read a metric: ``hr@10 (utility, share, higher is better for the platform)``."""
    higher = "" if metric.higher_is == "neither" else f", higher is {metric.higher_is}"
    return f"{metric.label} ({metric.purpose}, {metric.unit}{higher})"


def _best_baseline(table: Table) -> str:
    baselines = sorted({row.attacker for row in table.rows if row.baseline})
    return f"the best baseline ({', '.join(baselines) or 'this table has none'})"


def _budgets_without_placebo(table: Table) -> list[str]:
    def budget_of(row: Row) -> str:
        return shown_budget(row.fake_users, row.actions, None)

    placebos = {budget_of(row) for row in table.rows if row.placebo}
    budgets = dict.fromkeys(budget_of(row) for row in table.rows)
    return [budget for budget in budgets if budget not in placebos]
