"""Area and half-ceiling budget of toy series are worked out by hand."""

import math

import pytest
from made_up_records import component, made_up_cell, made_up_result, with_cell
from scipy import stats

from loki_bench.leaderboard.budget_series import area_over_log_budget, half_ceiling_budget
from loki_bench.leaderboard.rendering import as_json, as_markdown, as_text
from loki_bench.leaderboard.tabulation import tables_of

SHARES = (0.001, 0.01, 0.1)


def test_the_area_is_the_mean_over_log_budget():
    # two decades of the same width: ((0 + 0.2) / 2 + (0.2 + 0.4) / 2) / 2
    assert area_over_log_budget(SHARES, (0.0, 0.2, 0.4)) == pytest.approx(0.2)
    # decades of width 1 and 2: (0.1 * 1 + 0.3 * 2) / 3
    assert area_over_log_budget((0.001, 0.01, 1.0), (0.0, 0.2, 0.4)) == pytest.approx(0.7 / 3)
    assert area_over_log_budget((0.01, 0.02), (0.3, 0.3)) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0.0, 0.2, 0.4), 10 ** (-2 + 0.25)),  # 0.25 is a quarter of the way from 0.2 to 0.4
        ((0.0, 0.25, 0.4), 0.01),
        ((0.3, 0.1, 0.4), 0.001),  # the smallest one that reaches it, whatever comes after
        ((0.0, 0.5, 0.1), 10 ** (-3 + 0.5)),
        ((0.0, 0.1, 0.2), None),
    ],
)
def test_half_of_the_ceiling_is_reached_on_the_line_between_two_budgets(values, expected):
    found = half_ceiling_budget(SHARES, values, ceiling=0.5)
    assert found == (None if expected is None else pytest.approx(expected))


def table(rows, shares=SHARES):
    """Display rates by seed and budget; their ceiling is 0.5."""
    records = [
        made_up_result(
            made_up_cell(component("mine"), "fpmc", seed=seed, share=share),
            {"display_rate@10": value},
        )
        for seed, row in enumerate(rows)
        for share, value in zip(shares, row, strict=True)
    ]
    [found] = tables_of(records)
    return found


def test_a_table_has_both_with_intervals_over_seeds():
    found = table([(0.0, 0.2, 0.4), (0.0, 0.25, 0.5)])
    [series] = found.series
    # areas 0.2 and ((0 + 0.25) / 2 + (0.25 + 0.5) / 2) / 2 = 0.25; t(0.975, 1) = 12.706
    assert series.area.mean == pytest.approx(0.225)
    assert series.area.high == pytest.approx(0.225 + 12.706 * 0.025, rel=1e-4)
    assert series.area.low == 0.0  # cut off at the end of the range
    # 10 ** -1.75 and 10 ** -2: geometric mean 10 ** -1.875, +- 12.706 * 0.125 in decades
    assert series.half_ceiling.mean == pytest.approx(10**-1.875)
    assert series.half_ceiling.low == pytest.approx(0.001)  # within the series
    assert series.half_ceiling.high == pytest.approx(min(0.1, 10 ** (-1.875 + 12.706 * 0.125)))
    assert (series.n_at_once, series.n_never) == (0, 0)
    text = as_markdown("mine", "", [found])
    assert "## Over budgets" in text
    assert "| 0.225 [0.000, 0.543]" in text
    assert "| 1.33 % [0.1 %, 10 %]" in text
    assert "Over budgets" in as_text([found])
    assert '"half_ceiling"' in as_json("mine", [found])


def test_areas_are_compared_seed_by_seed_with_the_largest():
    rates = {  # areas, by hand: the values themselves, level over the series
        "most": (0.30, 0.32, 0.37),
        "less": (0.28, 0.29, 0.33),
        "least": (0.05, 0.07, 0.01),
    }
    records = [
        made_up_result(
            made_up_cell(component(name), "fpmc", seed=seed, share=share),
            {"display_rate@10": rate},
        )
        for name, own in rates.items()
        for seed, rate in enumerate(own)
        for share in SHARES
    ]
    [found] = tables_of(records)
    series = {one.attacker: one for one in found.series}
    assert series["most"].behind is None
    assert series["less"].areas == pytest.approx(rates["less"])
    assert series["less"].behind.mean == pytest.approx(0.03)
    raw = {
        pair: stats.ttest_rel(rates[pair[0]], rates[pair[1]]).pvalue
        for pair in (("most", "less"), ("most", "least"), ("less", "least"))
    }
    holm = max(sorted(raw.values())[k] * (3 - k) for k in range(3))
    assert max(raw, key=raw.get) == ("most", "less")
    assert series["less"].behind_p == pytest.approx(holm)
    assert "| 0.030 ± 0.025" in as_markdown("mine", "", [found])


def test_attacks_with_other_seeds_are_not_compared():
    records = [
        made_up_result(
            made_up_cell(component(name), "fpmc", seed=seed, share=share),
            {"display_rate@10": 0.1 * seed},
        )
        for name, seeds in (("one", (0, 1)), ("two", (1, 2)))
        for seed in seeds
        for share in SHARES
    ]
    [found] = tables_of(records)
    assert [one.behind for one in found.series] == [None, None]


def test_seeds_that_never_reach_it_or_do_at_once_count_with_an_end_and_are_counted():
    [series] = table([(0.0, 0.1, 0.2), (0.3, 0.4, 0.4)]).series
    assert series.half_ceiling.mean == pytest.approx(math.sqrt(0.001 * 0.1))
    assert (series.n_at_once, series.n_never) == (1, 1)
    never = table([(0.0, 0.1, 0.2)] * 2)
    assert "over 10 %" in as_markdown("mine", "", [never])
    at_once = table([(0.3, 0.4, 0.4)] * 2)
    assert "0.1 % or less" in as_markdown("mine", "", [at_once])


def test_a_table_of_one_budget_has_no_series():
    found = table([(0.1,), (0.2,)], shares=(0.01,))
    assert found.series == ()
    assert "Over budgets" not in as_markdown("mine", "", [found])


ATTACKS = {
    "loki": {0.01: (0.1, 0.12, 0.11), 0.03: (0.3, 0.32, 0.31)},
    "covisit": {0.01: (0.2, 0.22, 0.21), 0.03: (0.4, 0.42, 0.41)},
    "random": {0.01: (0.0, 0.01, 0.0), 0.03: (0.01, 0.01, 0.0)},
}


def attacked(label="display_rate@10", **info):
    return [
        made_up_result(made_up_cell(name, "fpmc", seed=seed, share=share), {label: value}, **info)
        for name, by_share in ATTACKS.items()
        for share, values in by_share.items()
        for seed, value in enumerate(values)
    ]


def behind(records, **options):
    [found] = tables_of(records, **options)
    return {one.attacker: one.behind and round(one.behind.mean, 3) for one in found.series}, found


def test_rows_that_are_not_ranked_are_behind_none_and_before_none():
    records = attacked()
    # means over the series: loki 0.21, covisit 0.31, and random 0.005
    assert behind(records)[0] == {"covisit": None, "loki": 0.1, "random": 0.305}
    theirs = {r.id for r in records if r.cell.attacker.name == "covisit"}
    found, whole = behind(records, handed_in=theirs)
    assert found == {"covisit": None, "loki": None, "random": 0.205}
    assert len(whole.series) == 3  # each has its area


def test_in_a_table_that_is_not_ranked_no_area_is_behind_another():
    records = attacked()
    newer = [
        with_cell(r, attacker={**component("covisit"), "version": "2.0"})
        if (r.cell.attacker.name, r.cell.seed) == ("covisit", 0)
        else r
        for r in records
    ]
    nobody = dict.fromkeys(ATTACKS)
    found, whole = behind(newer)
    assert whole.not_ranked
    assert found == nobody
    # nor where nobody says which end of the metric is the better one
    neither = attacked("collateral@10", collateral=("neither", "attack", None))
    assert behind(neither)[0] == nobody
