"""Statistics over paired seeds: intervals, the paired test, Holm's correction, rank intervals.

Which test, and why, at the five seeds of a usual suite:

- **Paired t** on the differences of two rows seed by seed. The exact sign-flip permutation test
  can't fall below ``2 / 2**5 = 0.0625`` at five seeds, so it could never reject at 5 %, and
  Wilcoxon's signed-rank test has the same floor. The t-test can, at the price of assuming that
  differences are roughly normal.
- **No spread** (the same difference at every seed, usual at a display rate's floor and ceiling):
  t is infinite and means nothing. The permutation test's ``2 ** (1 - n)`` is used instead, and 1
  where every difference is zero.
- **Holm** over all attacks of a table: it holds the family-wise error for any dependence between
  rows, and rows that share seeds and a baseline are dependent.
- **Bootstrap** (percentile, seeded) resamples whole seeds, so rows stay paired. At five seeds it
  covers less than its 95 %, so tables print Student's t; it stands beside that in CSV and JSON,
  since it never leaves the metric's range.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue
from scipy import stats

__all__ = [
    "BOOTSTRAP_SEED",
    "CONFIDENCE",
    "N_RESAMPLES",
    "Interval",
    "holm",
    "interval_of",
    "paired_p_value",
    "plain",
    "rank_intervals",
    "ratio_interval",
    "shown",
]

RowT = TypeVar("RowT")

CONFIDENCE = 0.95
N_RESAMPLES = 9999
BOOTSTRAP_SEED = 2020
"""The same resamples for every row, table and run: same records, same bytes."""


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with two confidence intervals; both have no width for one seed.

    Attributes
    ----------
    mean : float
    low, high : float
        Student's t.
    n : int
        Number of seeds.
    bootstrap_low, bootstrap_high : float
        Percentile bootstrap over seeds.
    """

    mean: float
    low: float
    high: float
    n: int
    bootstrap_low: float
    bootstrap_high: float


def shown(value: Interval | None, *, signed: bool = False) -> str:
    """``0.300 ± 0.254``; a dash where there is no value, no interval for one seed."""
    if value is None:
        return "-"
    digits = 1 if abs(value.mean) >= 100 else 3
    text = f"{value.mean:{'+' if signed else ''}.{digits}f}"
    if value.n == 1:
        return text
    return f"{text} ± {value.high - value.mean:.{digits}f}"


def plain(value: Interval | None) -> dict[str, JsonValue] | None:
    """All that the interval holds, as JSON has it."""
    return None if value is None else asdict(value)


def interval_of(values: Sequence[float]) -> Interval | None:
    """The mean of one value a seed, with its intervals; None where there is no value."""
    if not values:
        return None
    n, mean = len(values), math.fsum(values) / len(values)
    if n == 1:
        return Interval(mean, mean, mean, 1, mean, mean)
    error = float(np.std(values, ddof=1)) / math.sqrt(n)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * error
    means = np.asarray(values)[_resamples(n)].mean(axis=1)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(means, [tail, 100 - tail])
    return Interval(mean, mean - half, mean + half, n, float(low), float(high))


def ratio_interval(
    pairs: Sequence[tuple[Sequence[float], Sequence[float]]],
) -> Interval:
    """The mean, over pairs of rows, of how many times the second row's mean the first one's is.

    Parameters
    ----------
    pairs : sequence of (first, second)
        One value a seed, the same seeds everywhere: a resample draws seeds, so all stay paired.

    Returns
    -------
    Interval
        Infinite where a second mean is 0; ``low`` and ``high`` are those of the bootstrap, since
        a ratio of means has no t interval.
    """
    firsts, seconds = (np.asarray([pair[i] for pair in pairs], dtype=np.float64) for i in (0, 1))
    n = firsts.shape[1]
    own, resampled = (
        np.divide(
            firsts[:, draws].mean(axis=2),
            seconds[:, draws].mean(axis=2),
            out=np.full((len(pairs), len(draws)), np.inf),
            where=seconds[:, draws].mean(axis=2) > 0,
        ).mean(axis=0)
        for draws in (np.arange(n)[np.newaxis], _resamples(n))
    )
    tail = 100 * (1 - CONFIDENCE) / 2
    # between infinite values nothing can be interpolated
    ends = np.percentile(resampled, [tail, 100 - tail], method="inverted_cdf")
    low, high = (float(end) for end in ends)
    return Interval(float(own[0]), low, high, n, low, high)


def paired_p_value(differences: Sequence[float]) -> float | None:
    """Two-sided p-value of "the mean difference is zero"; None for fewer than two seeds.

    Paired t where the differences vary, the sign-flip permutation test where they do not: see
    the module's text.
    """
    n = len(differences)
    if n < 2:
        return None
    # A display rate is a fraction of pairs: differences that are equal on paper may not be in bits.
    if np.ptp(differences) <= 1e-12:
        return 1.0 if abs(differences[0]) <= 1e-12 else 2.0 ** (1 - n)
    return float(stats.ttest_1samp(differences, 0.0).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values (Holm 1979), in the order given."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    for step, position in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - step) * p_values[position]))
        adjusted[position] = highest
    return adjusted


def rank_intervals(
    values: Mapping[RowT, Sequence[float]], *, higher_is_better: bool
) -> dict[RowT, tuple[int, int, int]]:
    """The rank of each row by its mean, and an interval of that rank over resampled seeds.

    Parameters
    ----------
    values : mapping of row to one value a seed
        The same seeds in the same order in every row: a resample draws seeds, not cells.

    Returns
    -------
    mapping of row to (rank, low, high); rank 1 is best, ties share the best of their ranks.
    """
    if not values:
        return {}
    matrix = np.array(list(values.values()))
    if higher_is_better:
        matrix = -matrix
    n_seeds = matrix.shape[1]
    resampled = matrix[:, _resamples(n_seeds)].mean(axis=2) if n_seeds > 1 else matrix
    # Rounded: means of the same values in another order must tie.
    ranks = stats.rankdata(np.round(resampled, 12), method="min", axis=0)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(ranks, [tail, 100 - tail], axis=1, method="inverted_cdf")
    own = stats.rankdata(np.round(matrix.mean(axis=1), 12), method="min")
    return {
        row: (int(rank), int(best), int(worst))
        for row, rank, best, worst in zip(values, own, low, high, strict=True)
    }


@lru_cache(maxsize=16)
def _resamples(n: int) -> NDArray[np.int64]:
    """Seeds drawn with repetition, shape (N_RESAMPLES, n): what ``scipy.stats.bootstrap`` draws."""
    random = np.random.default_rng(BOOTSTRAP_SEED)
    return random.integers(0, n, (N_RESAMPLES, n))
