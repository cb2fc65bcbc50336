"""Tests over paired seeds, and what follows from them: Holm's correction, ties, shared ranks.

Which test, and why, at the five seeds of a usual suite:

- **Paired t** on the differences of two rows seed by seed. The exact sign-flip permutation test
  can't fall below ``2 / 2**5 = 0.0625`` at five seeds, so it could never reject at 5 %, and
  Wilcoxon's signed-rank test has the same floor. The t-test can, at the price of assuming that
  differences are roughly normal.
- **No spread** (the same difference at every seed, usual at a display rate's floor and ceiling):
  t is infinite and means nothing. The permutation test's ``2 ** (1 - n)`` is used instead, and 1
  where every difference is zero.
- **Holm** over all attacks of a table, or over all pairs of one victim and budget: it holds the
  family-wise error for any dependence between rows, and rows that share seeds are dependent.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, count, islice
from statistics import fmean, stdev
from typing import Generic, TypeVar

from loki_bench.leaderboard.intervals import EQUAL, agree

__all__ = [
    "LEVEL",
    "PairTest",
    "behind_best",
    "holm",
    "pair_tests",
    "paired_p_value",
    "shared_ranks",
    "shown_p",
    "student_tails",
    "tied_with",
]

RowT = TypeVar("RowT")

LEVEL = 0.05
"""Two rows are clearly different where their p-value, corrected by Holm, is below this."""


@dataclass(frozen=True, kw_only=True)
class PairTest(Generic[RowT]):
    """Two rows compared seed by seed.

    Attributes
    ----------
    better, worse : row
        By their means; of equal ones in the order given.
    differences : tuple of float
        The better row's value minus the worse one's at each seed: above 0 in the mean.
    p_value : float or None
        Of no difference, corrected by Holm over all pairs of these rows; None for one seed.
    """

    better: RowT
    worse: RowT
    differences: tuple[float, ...]
    p_value: float | None

    @property
    def clear(self) -> bool:
        """Whether the seeds tell the two apart."""
        return self.p_value is not None and self.p_value < LEVEL


def paired_p_value(differences: Sequence[float]) -> float | None:
    """Two-sided p-value of "the mean difference is zero"; None for fewer than two seeds.

    Paired t where the differences vary, the sign-flip permutation test where they do not: see
    the module's text.
    """
    n = len(differences)
    if n < 2:
        return None
    if agree(differences):
        return 1.0 if agree([*differences, 0.0]) else 2.0 ** (1 - n)
    return student_tails(fmean(differences) / (stdev(differences) / math.sqrt(n)), n - 1)


def student_tails(t: float, degrees: int) -> float:
    """Probability that Student's t, of whole degrees of freedom, lies farther from zero than ``t``.

    With ``cos² = degrees / (degrees + t²)`` it is the rest of a series in ``cos²`` whose first
    terms, as many as half the degrees, are the inside (Abramowitz and Stegun 1964, 26.7.3 and
    26.7.4, and the series of the arcsine and of ``1 / sqrt(1 - cos²)``). The rest has no term below
    zero, so that small probabilities have all their digits. ``scipy.special.stdtr`` answers the
    same to 14 digits, and takes longer to import than a table to make.
    """
    radius = math.hypot(t, math.sqrt(degrees))  # no square of t, which may have no number
    sin, cos, odd = abs(t) / radius, math.sqrt(degrees) / radius, degrees % 2
    angle, scale = (math.asin(sin), sin * cos * 2 / math.pi) if odd else (0.0, sin)
    terms = _terms(cos**2, odd)
    inside = 0.0
    for term in islice(terms, degrees // 2):
        inside += term
    inside = scale * inside + angle * 2 / math.pi
    if inside < 0.5:  # the rest converges slowly, and has as many digits so
        return 1.0 - inside
    tails = 0.0
    for term in terms:
        if not term > tails * 1e-17:
            break
        tails += term
    return scale * tails


def _terms(cos2: float, odd: int) -> Iterator[float]:
    """Those of the series in ``cos2`` for even degrees of freedom (``odd`` is 0) or odd ones."""
    term = 1.0
    for k in count():
        yield term
        term *= cos2 * (2 * k + 1 + odd) / (2 * k + 2 + odd)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values (Holm 1979), in the order given."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    for step, position in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - step) * p_values[position]))
        adjusted[position] = highest
    return adjusted


def pair_tests(
    values: Mapping[RowT, Sequence[float]], *, higher_is_better: bool
) -> list[PairTest[RowT]]:
    """Any two rows against each other, corrected by Holm over all of them.

    Parameters
    ----------
    values : mapping of row to one value a seed
        The same seeds in the same order in every row.
    """
    sign = 1.0 if higher_is_better else -1.0
    found: list[tuple[RowT, RowT, tuple[float, ...]]] = []
    for one, other in combinations(values, 2):
        gaps = [sign * (a - b) for a, b in zip(values[one], values[other], strict=True)]
        if fmean(gaps) < -EQUAL:
            found.append((other, one, tuple(-gap for gap in gaps)))
        else:
            found.append((one, other, tuple(gaps)))
    raw = [paired_p_value(differences) for _, _, differences in found]
    adjusted = iter(holm([p for p in raw if p is not None]))
    return [
        PairTest(
            better=better,
            worse=worse,
            differences=differences,
            p_value=None if p is None else next(adjusted),
        )
        for (better, worse, differences), p in zip(found, raw, strict=True)
    ]


def shared_ranks(
    rows: Sequence[RowT], tests: Sequence[PairTest[RowT]]
) -> dict[RowT, tuple[int, int, int]]:
    """The place of each row, shared with those that it can't be told from.

    Returns
    -------
    mapping of row to (rank, low, high)
        ``rank`` and ``low`` are 1 + the number of rows that are clearly better, ``high`` the number
        of rows less those that are clearly worse.
    """
    clear = [test for test in tests if test.clear]
    found = {}
    for row in rows:
        above = sum(test.worse == row for test in clear)
        below = sum(test.better == row for test in clear)
        found[row] = (1 + above, 1 + above, len(rows) - below)
    return found


def behind_best(tests: Sequence[PairTest[RowT]]) -> dict[RowT, PairTest[RowT]]:
    """The test of each other row against the best one, which is the worse one of no pair."""
    best = {test.better for test in tests} - {test.worse for test in tests}
    return {test.worse: test for test in tests if test.better in best}


def tied_with(row: RowT, tests: Sequence[PairTest[RowT]]) -> list[RowT]:
    """The rows that the seeds do not tell from this one."""
    return [
        test.worse if test.better == row else test.better
        for test in tests
        if not test.clear and row in (test.better, test.worse)
    ]


def shown_p(p_value: float | None) -> str:
    """A p-value to three digits, none below the level as the level; a dash for none.

    >>> shown_p(0.0497), shown_p(0.05), shown_p(0.0004)
    ('<0.050', '0.050', '<0.001')
    """
    if p_value is None:
        return "-"
    if p_value < 0.001:
        return "<0.001"
    text = f"{p_value:.3f}"
    return f"<{text}" if p_value < LEVEL <= float(text) else text
