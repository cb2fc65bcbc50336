"""What a row says in each column, as text: names with their signs, p-values, ranks, counts."""

from loki_bench.leaderboard.intervals import shown, shown_mean
from loki_bench.leaderboard.rows import NO_SIMULATOR
from loki_bench.leaderboard.table import Row
from loki_bench.records.schema import MetricInfo

__all__ = [
    "attack_of",
    "failed_of",
    "full_attack_of",
    "metric_head",
    "placebo_of",
    "samples_of",
    "seeds_of",
    "shown_rank",
    "signs_of",
]


def attack_of(row: Row) -> str:
    """The attack's name, with a sign for each note on it."""
    if row.placebo:
        return f"{row.attacker}, placebo"
    return f"{row.attacker} {signs_of(row)}".rstrip()


def full_attack_of(row: Row) -> str:
    """The same with its simulator: ``loki (leave-one-out) †``."""
    simulator = "" if row.simulator == NO_SIMULATOR else f" ({row.simulator})"
    if row.placebo:
        return f"{row.attacker}{simulator}, placebo"
    return f"{row.attacker}{simulator} {signs_of(row)}".rstrip()


def metric_head(metric: MetricInfo) -> str:
    """A metric's label with its ceiling, if it has one."""
    return metric.label if metric.ceiling is None else f"{metric.label} (max {metric.ceiling:g})"


def placebo_of(row: Row, placebo: Row | None, *, short: bool = False) -> str:
    """What the attack's placebo does, and how many of its cells did not end well."""
    effect = row.placebo_effect if placebo is not None else None
    text = shown_mean(effect, signed=True) if short else shown(effect, signed=True)
    others = [] if placebo is None else _not_ok(placebo)
    return f"{text} ({', '.join(others)})" if others else text


def failed_of(row: Row) -> str:
    """In how many seeds the attack failed, of those that have a gain: ``1 of 5``."""
    if row.n_failed is None or row.gain is None:
        return "-"
    return f"{row.n_failed} of {row.gain.n}"


def seeds_of(row: Row) -> str:
    """How many seeds have the main metric, and what became of the others: ``4, 1 failed``."""
    n_undefined = row.counts.get("ok", 0) - len(row.seeds)
    undefined = [f"{n_undefined} undefined"] if n_undefined else []
    return ", ".join([str(len(row.seeds)), *undefined, *_not_ok(row)])


def samples_of(row: Row) -> str:
    """Training samples that came from fake users; a question mark where nobody counted them."""
    return "?" if row.from_fake_users is None else str(row.from_fake_users)


def shown_rank(rank: tuple[int, int, int] | None, *, marked: bool = False) -> str:
    """``2``, or ``1-3`` of a row that is tied; marked it is ``1-3 tied``."""
    if rank is None:
        return "-"
    _, low, high = rank
    if low == high:
        return str(low)
    return f"{low}-{high} tied" if marked else f"{low}-{high}"


def signs_of(row: Row) -> str:
    """A sign for each note on a row's attack, or on whom it met."""
    is_free = row.not_confined or row.others_not_confined
    marks = ((row.marked, "†"), (row.not_deterministic, "‡"), (is_free, "§"))
    return "".join(sign for is_so, sign in marks if is_so)


def _not_ok(row: Row) -> list[str]:
    return [f"{number} {status}" for status, number in row.counts.items() if status != "ok"]
