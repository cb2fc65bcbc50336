"""Coverage, width and type I error of the printed statistics, by simulation.

    python benchmarks/interval_coverage.py --tables 5000

Prints the tables of docs/statistics.md. Each case draws the display rates of one row, or of two
rows without a difference, over 3, 5 and 10 seeds from a distribution whose mean is known, and asks
how often the interval holds it, or the test rejects. "Pairs" are six rows without any difference,
whose 15 tests are corrected by Holm: how often one of them is called clear. The paired bootstrap
that tables had before stands beside it.
"""

import argparse
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from loki_bench.leaderboard.intervals import difference_bounds, interval_of
from loki_bench.leaderboard.statistics import LEVEL, pair_tests, paired_p_value

Values: TypeAlias = NDArray[np.float64]
Draw: TypeAlias = Callable[[np.random.Generator, tuple[int, ...]], Values]

SEEDS = (3, 5, 10)
PAIRS = 400
"""(target user, target item) pairs behind a display rate: its values are multiples of 1 / 400."""

SHARE = (0.0, 1.0)


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """A working attack: 0.41 with the spread of the published ones."""
    return np.clip(rng.normal(0.41, 0.03, shape), 0, 1)


def rounded(rate: float) -> Draw:
    """Every pair is shown with the same chance, independently: a floor or a ceiling."""
    return lambda rng, shape: rng.binomial(PAIRS, rate, shape) / PAIRS


def bimodal(failing: float) -> Draw:
    """An agent that fails in some seeds: 0.41 as above, or nothing."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
        return np.where(rng.random(shape) < failing, 0.0, normal(rng, shape))

    return draw


CASES: dict[str, tuple[Draw, float]] = {
    "normal": (normal, 0.41),
    "floor, 0.01": (rounded(0.01), 0.01),
    "floor, 0.001": (rounded(0.001), 0.001),
    "ceiling, 0.99": (rounded(0.99), 0.99),
    "ceiling, 0.999": (rounded(0.999), 0.999),
    "bimodal, fails in 1/2": (bimodal(0.5), 0.5 * 0.41),
    "bimodal, fails in 1/5": (bimodal(0.2), 0.8 * 0.41),
    "bimodal, fails in 1/10": (bimodal(0.1), 0.9 * 0.41),
}


def gaffke(values: Values, rng: np.random.Generator, draws: int = 500) -> tuple[float, float]:
    """Gaffke's bounds of the mean, 95 % two-sided: valid for any distribution on [0, 1]."""
    weights = rng.dirichlet(np.ones(len(values) + 1), draws)
    ordered = np.sort(values)
    high = np.quantile(weights @ np.append(ordered, 1.0), 0.975)
    low = np.quantile(weights @ np.append(0.0, ordered), 0.025)
    return float(low), float(high)


def coverage(n_tables: int, rng: np.random.Generator) -> None:
    """The printed interval, and Gaffke's for every row."""
    print("| case | n | coverage | mean width | all seeds agree | Gaffke: coverage | its width |")
    print("|---|---|---|---|---|---|---|")
    for name, (draw, mean) in CASES.items():
        for n in SEEDS:
            rows = draw(rng, (n_tables, n))
            found = [interval_of(row.tolist(), SHARE) for row in rows]
            ends = np.array([(one.low, one.high) for one in found if one is not None])
            few = np.array([gaffke(row, rng) for row in rows[:2000]])
            print(
                f"| {name} | {n} | {_held(ends, mean):.3f} | {_width(ends):.3f} | "
                f"{np.mean(np.ptp(rows, axis=1) <= 1e-12):.3f} | {_held(few, mean):.3f} | "
                f"{_width(few):.3f} |"
            )


def type_one(n_tables: int, rng: np.random.Generator) -> None:
    """One test of two rows of one distribution; the bootstrap's; and any of 15 corrected ones."""
    print("\n| case | n | paired t | bootstrap | any of 15 pairs, Holm |")
    print("|---|---|---|---|---|")
    for name, (draw, _) in CASES.items():
        for n in SEEDS:
            gaps = draw(rng, (n_tables, n)) - draw(rng, (n_tables, n))
            rejected = np.mean([_rejects(gap) for gap in gaps])
            boots = np.mean([_bootstrap_rejects(gap, rng) for gap in gaps[:2000]])
            tables = draw(rng, (n_tables // 2, 6, n))
            clear = np.mean([_any_clear(table) for table in tables])
            print(f"| {name} | {n} | {rejected:.3f} | {boots:.3f} | {clear:.3f} |")


def equal_means(n_tables: int, rng: np.random.Generator) -> None:
    """Two rows of equal means and other distributions: one fails in some seeds."""
    print("\n| a steady row against one that fails in | n | paired t | its interval holds zero |")
    print("|---|---|---|---|")
    for failing in (0.5, 0.2, 0.1):
        for n in SEEDS:
            steady = rng.normal((1 - failing) * 0.41, 0.03, (n_tables, n))
            gaps = np.clip(steady, 0, 1) - bimodal(failing)(rng, (n_tables, n))
            rejected = np.mean([_rejects(gap) for gap in gaps])
            found = [interval_of(gap.tolist(), difference_bounds(SHARE)) for gap in gaps]
            ends = np.array([(one.low, one.high) for one in found if one is not None])
            print(f"| {failing:g} of seeds | {n} | {rejected:.3f} | {_held(ends, 0.0):.3f} |")


def _held(ends: Values, mean: float) -> float:
    return float(np.mean((ends[:, 0] <= mean + 1e-12) & (mean - 1e-12 <= ends[:, 1])))


def _width(ends: Values) -> float:
    return float(np.mean(ends[:, 1] - ends[:, 0]))


def _rejects(gap: Values) -> bool:
    p_value = paired_p_value(gap.tolist())
    return p_value is not None and p_value < LEVEL


def _bootstrap_rejects(gap: Values, rng: np.random.Generator) -> bool:
    means = gap[rng.integers(0, len(gap), (999, len(gap)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return bool(low > 0 or high < 0)


def _any_clear(table: Values) -> bool:
    rows = {str(number): row.tolist() for number, row in enumerate(table)}
    return any(test.clear for test in pair_tests(rows, higher_is_better=True))


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=5_000, help="simulated tables a case")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    rng = np.random.default_rng(chosen.seed)
    print(f"{chosen.tables} tables a case, seed {chosen.seed}\n")
    coverage(chosen.tables, rng)
    type_one(chosen.tables, rng)
    equal_means(chosen.tables, rng)


if __name__ == "__main__":
    main()
