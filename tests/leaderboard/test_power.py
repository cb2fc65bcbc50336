"""Numbers of seeds are those of G*Power's tables, and of a simulation."""

import re

import numpy as np
import pytest
from click.testing import CliRunner
from made_up_records import component, made_up_cell, made_up_result
from scipy import stats
from written_board import write_board

from loki_bench.cli.power import power
from loki_bench.leaderboard.power import needed_for, power_of, seeds_needed
from loki_bench.leaderboard.tabulation import tables_of


@pytest.mark.parametrize(
    ("effect", "power", "n"),
    [(0.2, 0.8, 199), (0.5, 0.8, 34), (0.8, 0.8, 15), (1.0, 0.8, 10), (0.5, 0.95, 54)],
)
def test_the_number_of_seeds_is_gpowers(effect, power, n):
    assert seeds_needed(effect, 1.0, power=power) == n
    assert seeds_needed(-effect, 1.0, power=power) == n
    assert power_of(n, effect, 1.0) >= power > power_of(n - 1, effect, 1.0)


def test_the_power_is_how_often_the_test_rejects():
    samples = np.random.default_rng(0).normal(1.0, 1.0, (4000, 5))
    rejected = np.mean(stats.ttest_1samp(samples, 0.0, axis=1).pvalue < 0.05)
    assert power_of(5, 1.0, 1.0) == pytest.approx(rejected, abs=0.025)


@pytest.mark.parametrize("level", [0.05, 0.05 / 15, 0.05 / 105])
@pytest.mark.parametrize("effect", [0.1, 1.0, 3.0, 8.0, 40.0, 1e14])
@pytest.mark.parametrize("n_seeds", [2, 5, 20])
def test_the_power_is_the_integral_over_the_estimated_spread(n_seeds, effect, level):
    # t is (Z + shift) / s, with the estimated spread s independent of the normal Z
    df, shift = n_seeds - 1, effect * np.sqrt(n_seeds)
    limit = stats.t.ppf(1 - level / 2, df)
    middle = (np.arange(200_000) + 0.5) / 200_000
    s = np.sqrt(stats.chi2.ppf(middle, df) / df)
    rejected = stats.norm.cdf(shift - limit * s) + stats.norm.cdf(-shift - limit * s)
    assert power_of(n_seeds, effect, 1.0, level) == pytest.approx(rejected.mean(), abs=2e-5)


@pytest.mark.parametrize(
    ("effect", "level", "n"), [(8, 0.05, 3), (8, 0.05 / 15, 4), (8, 0.05 / 105, 5)]
)
def test_large_effects_are_not_found_with_too_few_seeds(effect, level, n):
    assert seeds_needed(effect, 1.0, level=level) == n
    assert power_of(n - 1, effect, 1.0, level) < 0.8


def test_no_difference_and_a_tiny_one_have_no_number_of_seeds():
    assert seeds_needed(0.0, 1.0) is None
    assert seeds_needed(1e-6, 1.0) is None


def test_the_spread_is_that_of_stored_differences():
    rows = {"a": (0.4, 0.5, 0.6), "b": (0.3, 0.3, 0.5), "c": (0.4, 0.5, 0.6)}
    [table] = tables_of(
        made_up_result(made_up_cell(component(name), "fpmc", seed=seed), {"display_rate@10": v})
        for name, values in rows.items()
        for seed, v in enumerate(values)
    )
    [found] = needed_for([table], attacks=["a", "b"])
    # 0.1, 0.2, 0.1
    assert found.difference == pytest.approx(0.4 / 3)
    assert found.spread == pytest.approx(0.1 / np.sqrt(3))
    assert found.n_seeds == seeds_needed(0.4 / 3, 0.1 / np.sqrt(3))
    [wanted] = needed_for([table], attacks=["a", "b"], difference=0.05)
    assert wanted.n_seeds > found.n_seeds
    assert len(needed_for([table])) == 2  # a and c agree at every seed


def test_the_first_step_of_holm_is_that_of_all_pairs_of_the_same_place():
    rows = {
        "leave-one-out": (0.4, 0.5, 0.6),
        "white-box": (0.3, 0.3, 0.5),
        "all": (0.1, 0.2, 0.15),
    }
    tables = tables_of(
        made_up_result(
            made_up_cell(
                component("loki"),
                victim,
                seed=seed,
                simulator=simulator,
                protocol={"goal": "promote", "key": key},
            ),
            {"display_rate@10": v},
        )
        for victim in ("fpmc", "bprmf")
        for key in ("", "a" * 32)
        for simulator, values in rows.items()
        for seed, v in enumerate(values)
    )
    found = needed_for(tables)
    assert len(found) == 12
    for one in found:
        expected = seeds_needed(one.difference, one.spread, level=0.05 / 3)
        assert one.n_seeds_first_step == expected
    named = {(one.key, *one.pair.where.values(), one.pair.better, one.pair.worse) for one in found}
    assert len(named) == 12


def test_one_attack_is_compared_with_all_others_and_several_with_each_other():
    rows = {"loki": (0.4, 0.5, 0.6), "covisit": (0.3, 0.3, 0.5), "random": (0.1, 0.2, 0.15)}
    tables = tables_of(
        made_up_result(made_up_cell(component(name), "fpmc", seed=seed), {"display_rate@10": value})
        for name, values in rows.items()
        for seed, value in enumerate(values)
    )

    def pairs(*attacks):
        return [
            {a for a, _ in (one.pair.better, one.pair.worse)}
            for one in needed_for(tables, attacks=attacks)
        ]

    assert pairs("loki") == [{"loki", "covisit"}, {"loki", "random"}]
    assert pairs("loki", "random") == [{"loki", "random"}]
    assert len(pairs()) == len(pairs(*rows)) == 3


def test_pairs_that_differ_in_simulator_or_key_are_told_apart(tmp_path):
    rows = {
        "leave-one-out": (0.4, 0.5, 0.6),
        "white-box": (0.3, 0.3, 0.5),
        "single": (0.1, 0.2, 0.1),
    }
    lent = [{"recommender": component("fpmc"), "weight": 1.0}]
    records = [
        made_up_result(
            made_up_cell(
                component("loki"),
                "fpmc",
                seed=seed,
                simulator=simulator,
                surrogates=lent,
                protocol={"goal": "promote", "key": key},
            ),
            {"display_rate@10": v},
        )
        for key in ("", "a" * 32)
        for simulator, values in rows.items()
        for seed, v in enumerate(values)
    ]
    board = write_board(tmp_path / "board", "board", records, metrics=["display_rate@10"])
    done = CliRunner().invoke(power, [str(board)], standalone_mode=False)
    assert done.exception is None
    head, *lines = done.output.splitlines()
    assert re.split("  +", head) == [
        "where", "pair", "difference", "spread", "power now", "seeds", "first step",
    ]  # fmt: skip
    named = [tuple(re.split("  +", line)[:2]) for line in lines]
    assert ("fpmc, 0.03, 15", "loki (leave-one-out) - loki (white-box)") in named
    keyed = f"fpmc, 0.03, 15, fresh key {'a' * 32}"
    assert (keyed, "loki (leave-one-out) - loki (white-box)") in named
    assert len(set(named)) == len(named) == 6
