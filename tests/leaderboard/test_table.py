"""Rows are computed from records alone; expected numbers are worked out by hand."""

import json

import pytest
from made_up_records import component, made_up_cell, made_up_record, made_up_result, with_cell
from scipy import stats

from loki_bench.leaderboard.rendering import as_csv, as_json, as_markdown, as_text
from loki_bench.leaderboard.tabulation import tables_of

PLATFORM = "better for the platform"


def cell(
    attacker="none",
    *,
    victim="bprmf",
    seed=0,
    share=0.03,
    simulator=None,
    goal="promote",
    defense=None,
    **changed,
):
    return made_up_cell(
        component(attacker, **changed),
        victim,
        seed=seed,
        share=share,
        goal=goal,
        simulator=simulator,
        defense=component(defense) if defense else None,
    )


def record(value, attacker="none", *, status="ok", reason="", fakes=9, **where):
    if status != "ok":
        return made_up_record(cell(attacker, **where), status, reason)
    values = {"display_rate@10": value, "hr@10": 0.5}
    return made_up_result(cell(attacker, **where), values, fakes=fakes)


def rows(records, missing=()):
    [table] = tables_of(records, missing)
    return {(r.victim, r.attacker): r for r in table.rows}


@pytest.mark.parametrize(
    ("is_default", "label"), [(True, "loki"), (False, "loki(influence=cg(damping=1.0))")]
)
def test_a_row_names_the_estimator_unless_it_is_the_attackers_own(is_default, label):
    attacked = record(0.3, "loki")
    lent = {"influence": component("cg", damping=1.0), "influence_is_default": is_default}
    assert set(rows([with_cell(attacked, **lent)])) == {("bprmf", label)}


def test_a_row_is_the_mean_over_seeds_with_students_interval():
    row = rows([record(v, "random", seed=s) for s, v in enumerate((0.1, 0.2, 0.6))])
    interval = row["bprmf", "random"].metrics["display_rate@10"]
    low, high = stats.t.interval(
        0.95, 2, loc=0.3, scale=stats.sem([0.1, 0.2, 0.6])
    )  # scipy's own route to the same numbers
    assert interval.mean == pytest.approx(0.3)
    assert low < 0  # no display rate: the interval is cut off at the end of the range
    assert (interval.low, interval.high) == pytest.approx((0.0, high))
    assert interval.n == 3


def test_one_seed_has_no_interval():
    interval = rows([record(0.2)])["bprmf", "none"].metrics["display_rate@10"]
    assert (interval.low, interval.high, interval.n) == (0.2, 0.2, 1)


def test_the_gain_is_paired_by_seed_against_the_best_baseline():
    records = [
        *(record(v, "none", seed=s) for s, v in enumerate((0.0, 0.0))),
        *(record(v, "random", seed=s) for s, v in enumerate((0.02, 0.04))),
        *(record(v, "loki", seed=s) for s, v in enumerate((0.30, 0.36))),
    ]
    found = rows(records)
    assert found["bprmf", "loki"].gain.mean == pytest.approx(((0.30 - 0.02) + (0.36 - 0.04)) / 2)
    assert found["bprmf", "none"].gain.mean == pytest.approx(-0.03)
    assert found["bprmf", "random"].gain is None


def test_a_gain_uses_only_seeds_that_both_have():
    records = [
        record(0.1, "random", seed=0),
        record(0.5, "loki", seed=0),
        record(0.9, "loki", seed=1),
    ]
    gain = rows(records)["bprmf", "loki"].gain
    assert (gain.mean, gain.n) == (pytest.approx(0.4), 1)


def test_victims_budgets_simulators_and_parameters_have_rows_of_their_own():
    [table] = tables_of(
        [
            record(0.1, "loki", simulator="all"),
            record(0.2, "loki", simulator="leave-one-out"),
            record(0.3, "loki", simulator="all", share=0.01),
            record(0.4, "loki", simulator="all", victim="fpmc"),
            record(0.5, "loki", simulator="all", policy="random-groups"),
        ]
    )
    assert len(table.rows) == 5
    assert "loki(policy=random-groups)" in {row.attacker for row in table.rows}


def test_rows_are_ordered_by_victim_budget_and_display_rate():
    [table] = tables_of(
        [
            record(0.1, "none"),
            record(0.2, "random"),
            record(0.9, "random", victim="fpmc"),
            record(0.9, "random", share=0.01),
        ]
    )
    order = [(r.victim, r.fake_users, r.attacker) for r in table.rows]
    assert order == [
        ("bprmf", 0.03, "random"),
        ("bprmf", 0.03, "none"),
        ("bprmf", 0.01, "random"),
        ("fpmc", 0.03, "random"),
    ]


def test_failed_rejected_and_missing_cells_are_shown():
    found = rows(
        [
            record(0.1, "loki", seed=0),
            record(0, "loki", seed=1, status="rejected", reason="over budget"),
            record(0, "loki", seed=2, status="failed", reason="over budget"),
        ],
        missing=[cell("loki", seed=3)],
    )["bprmf", "loki"]
    assert found.counts == {"failed": 1, "missing": 1, "ok": 1, "rejected": 1}
    assert found.reasons == ("over budget",)
    assert found.seeds == (0,)


def test_an_undefined_metric_is_left_out_of_the_mean():
    found = rows([record(None, seed=0), record(0.2, seed=1)])
    assert found["bprmf", "none"].metrics["display_rate@10"].n == 1


def test_other_protocols_make_another_table():
    other = with_cell(record(0.3), protocol={"n_targets": 5})
    assert len(tables_of([record(0.1), other])) == 2


def test_the_least_number_of_samples_from_fake_users_is_shown():
    found = rows([record(0.1, seed=0, fakes=9), record(0.1, seed=1, fakes=4)])
    assert found["bprmf", "none"].from_fake_users == 4


RECORDS = [
    *(record(v, "random", seed=s) for s, v in enumerate((0.02, 0.04))),
    *(record(v, "loki", seed=s) for s, v in enumerate((0.30, 0.36))),
    record(0, "popular", status="failed", reason="it | broke"),
]


@pytest.mark.parametrize(
    "render",
    [
        lambda tables: as_markdown("s", "about", tables),
        as_text,
        as_csv,
        lambda tables: as_json("s", tables),
    ],
)
def test_the_same_records_in_any_order_give_the_same_bytes(render):
    assert render(tables_of(RECORDS)) == render(tables_of(RECORDS[::-1]))


def test_the_table_shows_ceiling_gain_and_reason():
    text = as_text(tables_of(RECORDS))
    assert "display_rate@10 (max 0.5)" in text
    assert "+0.300 ± 0.254" in text  # 12.706 = t(0.975, 1), times 0.02 = sem(0.28, 0.32)
    assert "popular on bprmf: it | broke" in text


def test_csv_and_json_hold_full_precision():
    tables = tables_of([record(0.1 + 0.2, "random")])
    assert repr(0.1 + 0.2) in as_csv(tables)
    plain = json.loads(as_json("s", tables))
    assert plain["tables"][0]["rows"][0]["metrics"]["display_rate@10"]["mean"] == 0.1 + 0.2


def test_no_records_make_no_table():
    assert tables_of([]) == []
    assert as_text([]) == ""


def demoted(value, attacker, seed=0, **first):
    """The lower the display rate, the better for whoever demotes."""
    values = {**first, "display_rate@10": value, "hr@10": 0.5}
    told = {"display_rate": (PLATFORM, "attack", 0.5)}
    return made_up_result(cell(attacker, seed=seed, goal="demote"), values, **told)


def test_to_demote_the_lowest_display_rate_leads_and_a_fall_is_a_gain():
    lost = ("none", (0.4, 0.5)), ("random", (0.3, 0.5)), ("loki", (0.1, 0.2))
    [table] = tables_of([demoted(v, a, s) for a, vs in lost for s, v in enumerate(vs)])
    assert [row.attacker for row in table.rows] == ["loki", "random", "none"]
    by_name = {row.attacker: row for row in table.rows}
    assert by_name["random"].gain is None  # the best of the baselines: 0.4 is below 0.45
    assert by_name["loki"].gain.mean == pytest.approx(0.25)  # (0.2 + 0.3) / 2
    assert by_name["none"].gain.mean == pytest.approx(-0.05)  # (-0.1 + 0) / 2


def test_to_demote_the_share_pushed_out_is_the_main_metric_where_a_suite_puts_it_first():
    shares = (("none", 0.0), ("loki", 0.7))
    [table] = tables_of([demoted(0.1, name, **{"demotion_rate@10": v}) for name, v in shares])
    assert table.main.label == "demotion_rate@10"
    assert [row.attacker for row in table.rows] == ["loki", "none"]
    assert table.rows[0].gain.mean == pytest.approx(0.7)


def complete(**rows):
    """Five seeds of each row: by name, one value a seed."""
    return [record(v, name, seed=s) for name, values in rows.items() for s, v in enumerate(values)]


LOKI = (0.30, 0.36, 0.31, 0.39, 0.33)
RANDOM = (0.02, 0.04, 0.00, 0.01, 0.03)
NONE = (0.00, 0.01, 0.00, 0.02, 0.01)


def test_p_values_are_scipys_paired_test_corrected_by_holm():
    weak = (0.03, 0.04, 0.01, 0.00, 0.05)
    found = rows(complete(none=NONE, random=RANDOM, loki=LOKI, weak=weak))
    raw = [stats.ttest_rel(values, RANDOM).pvalue for values in (LOKI, weak)]
    assert raw[0] < raw[1]
    assert found["bprmf", "loki"].p_value == pytest.approx(2 * raw[0])
    assert found["bprmf", "weak"].p_value == pytest.approx(max(2 * raw[0], raw[1]))
    assert found["bprmf", "none"].p_value is None  # baselines make no claim
    assert found["bprmf", "random"].p_value is None


def test_rows_are_ranked_within_their_victim_and_budget():
    found = rows(
        complete(none=NONE, random=RANDOM, loki=LOKI)
        + [record(0.5, "random", victim="fpmc", seed=s) for s in range(5)]
    )
    assert found["bprmf", "loki"].rank == (1, 1, 1)
    assert found["bprmf", "random"].rank[0] == 2
    assert found["fpmc", "random"].rank == (1, 1, 1)


def test_to_demote_the_lowest_row_has_the_first_rank():
    found = rows(
        [demoted(v, "none", s) for s, v in enumerate(LOKI)]
        + [demoted(v, "loki", s) for s, v in enumerate(RANDOM)]
    )
    assert found["bprmf", "loki"].rank == (1, 1, 1)
    assert found["bprmf", "none"].rank == (2, 2, 2)


def test_a_table_with_a_missing_seed_says_so_and_is_not_ranked():
    records = complete(none=NONE, random=RANDOM, loki=LOKI)[:-1]
    [table] = tables_of(records, missing=[cell("loki", seed=4)])
    assert table.not_ranked == ("loki on bprmf, 3 % x 15 has no result for seed 4",)
    assert {(row.rank, row.p_value) for row in table.rows} == {(None, None)}
    assert "Not ranked: loki on bprmf, 3 % x 15 has no result for seed 4." in as_text([table])
    # nor where nothing says that a cell is missing, but other rows have that seed
    [table] = tables_of(records)
    assert table.not_ranked == ("loki on bprmf, 3 % x 15 has no result for seed 4",)


def test_an_attack_without_any_result_keeps_nobody_from_being_ranked():
    broken = [
        record(0, "broken", seed=s, status="rejected", reason="over budget") for s in range(5)
    ]
    [table] = tables_of(complete(none=NONE, loki=LOKI) + broken)
    assert table.not_ranked == ()
    ranks = {row.attacker: row.rank for row in table.rows}
    assert ranks == {"loki": (1, 1, 1), "none": (2, 2, 2), "broken": None}


def test_an_attack_that_fails_at_one_seed_is_a_missing_seed():
    records = complete(none=NONE, loki=LOKI)
    records[-1] = record(0, "loki", seed=4, status="failed", reason="it broke")
    [table] = tables_of(records)
    assert table.not_ranked == ("loki on bprmf, 3 % x 15 has no result for seed 4",)


def test_a_seed_at_which_no_row_has_the_main_metric_is_left_out_and_the_others_are_ranked():
    records = complete(none=(*NONE[:3], None, NONE[4]), loki=(*LOKI[:3], None, LOKI[4]))
    [table] = tables_of(records)
    assert table.not_ranked == ()
    row = next(row for row in table.rows if row.attacker == "loki")
    assert (row.rank, row.seeds, row.gain.n) == ((1, 1, 1), (0, 1, 2, 4), 4)
    # on another victim all have it
    others = [with_cell(r, victim=component("fpmc")) for r in complete(none=NONE, loki=LOKI)]
    [table] = tables_of([*records, *others])
    assert table.not_ranked == ()
    assert {len(row.seeds) for row in table.rows if row.victim == "fpmc"} == {5}


def test_a_seed_at_which_some_rows_lack_the_main_metric_keeps_the_table_from_being_ranked():
    [table] = tables_of(complete(none=NONE, loki=(*LOKI[:3], None, LOKI[4])))
    assert table.not_ranked == ("loki on bprmf, 3 % x 15 has no result for seed 3",)
    undefined = complete(none=(*NONE[:3], None, NONE[4]), loki=LOKI)
    [table] = tables_of(
        [r for r in undefined if (r.cell.attacker.name, r.cell.seed) != ("loki", 3)]
    )
    assert table.not_ranked == ()  # loki has no cell there, and nothing to compare it with
    [table] = tables_of(undefined[:-2], missing=[cell("loki", seed=3), cell("loki", seed=4)])
    assert len(table.not_ranked) == 2


def test_seeds_are_counted_that_have_the_main_metric():
    records = complete(none=(0.0, None, 0.0), loki=(0.5, None, 0.6))
    [table] = tables_of(records)
    loki = next(row for row in table.rows if row.attacker == "loki")
    assert (loki.seeds, loki.n_failed) == ((0, 2), 0)
    for text in (as_text([table]), as_markdown("mine", "", [table])):
        assert "0 of 2" in text
        assert "2, 1 undefined" in text
        assert "of 3" not in text


def test_a_row_of_mixed_versions_is_not_ranked_and_the_field_is_named():
    records = complete(none=NONE, loki=LOKI)
    newer = [
        with_cell(r, attacker={**component("loki"), "version": "2.0"})
        if (r.cell.seed, r.cell.attacker.name) == (3, "loki")
        else r
        for r in records
    ]
    [table] = tables_of(newer)
    assert table.not_ranked == (
        "the cells of loki on bprmf, 3 % x 15 differ in attacker.version (1.0, 2.0)",
    )


def test_rows_whose_victims_differ_are_not_ranked_and_the_field_is_named():
    records = complete(none=NONE, loki=LOKI)
    newer = [
        with_cell(r, victim={**component("bprmf"), "version": "2.0"})
        if r.cell.attacker.name == "loki"
        else r
        for r in records
    ]
    [table] = tables_of(newer)
    assert table.not_ranked == ("rows of victim bprmf differ in victim.version (2.0, 1.0)",)


def test_two_cells_of_one_seed_are_not_ranked():
    [table] = tables_of([record(0.1), record(0.2)])
    assert table.not_ranked == ("none on bprmf, 3 % x 15 has two cells of one seed",)


def test_a_second_protocol_says_in_which_field_it_differs():
    other = with_cell(record(0.3), protocol={"n_targets": 5})
    first, second = tables_of([record(0.1), other])
    assert "differs from the first table in" not in first.about
    said = second.about["differs from the first table in"]
    assert said in ("protocol.n_targets (20, 5)", "protocol.n_targets (5, 20)")


def placebo(value, attacker, seed):
    return with_cell(record(value, attacker, seed=seed), placebo=True)


def test_an_effect_under_placebo_marks_the_attacks_row():
    floods = (0.20, 0.26, 0.21, 0.29, 0.23)
    records = complete(none=NONE, random=RANDOM, loki=LOKI, floods=LOKI)
    records += [placebo(v, "floods", s) for s, v in enumerate(floods)]
    records += [placebo(v, "loki", s) for s, v in enumerate(NONE)]
    [table] = tables_of(records)
    found = {(row.attacker, row.placebo): row for row in table.rows}
    effect = found["floods", False].placebo_effect
    expected = stats.ttest_rel(floods, NONE).confidence_interval(0.95)
    assert (effect.low, effect.high) == pytest.approx((expected.low, expected.high))
    assert {row.attacker for row in table.rows if row.marked} == {"floods"}
    assert found["floods", True].rank is None
    assert found["floods", True].p_value is None
    assert "floods †" in as_text([table])
    assert "floods, placebo" in as_text([table])
    assert (
        "† floods on bprmf: not target-specific (placebo moves it, too): its placebo moves"
        in as_text([table])
    )


def test_one_seed_has_no_interval_and_marks_nothing():
    records = [record(0.1, "none"), record(0.3, "floods"), placebo(0.2, "floods", 0)]
    [table] = tables_of(records)
    assert not any(row.marked for row in table.rows)
    more = [record(0.1, "none", seed=1), record(0.3, "floods", seed=1), placebo(0.201, "floods", 1)]
    [table] = tables_of(records + more)
    assert [row.attacker for row in table.rows if row.marked] == ["floods"]


def test_a_placebo_stands_below_the_rows_of_its_block():
    records = complete(none=NONE, loki=LOKI) + [placebo(0.9, "loki", s) for s in range(5)]
    [table] = tables_of(records)
    assert [(row.attacker, row.placebo) for row in table.rows] == [
        ("loki", False),
        ("none", False),
        ("loki", True),
    ]


def test_a_row_is_compared_with_the_baselines_behind_the_same_defense():
    found = rows(
        [
            record(0.3, "random"),
            record(0.1, "random", defense="pca"),
            record(0.4, "loki", defense="pca"),
        ]
    )
    assert found["bprmf", "loki"].defense == "pca"
    assert found["bprmf", "loki"].gain.mean == pytest.approx(0.4 - 0.1)


def test_two_single_surrogates_are_two_rows():
    def lent(name):
        surrogate = {"recommender": component(name), "weight": 1.0}
        return {"simulator": "single", "surrogates": [surrogate]}

    records = [record(0.1, "loki", seed=s) for s in (0, 1)]
    [table] = tables_of(
        [with_cell(r, **lent(name)) for r, name in zip(records, ("fpmc", "bprmf"), strict=True)]
    )
    assert {row.simulator for row in table.rows} == {"single: fpmc", "single: bprmf"}


def test_budgets_without_a_placebo_are_named_where_others_have_one():
    records = [record(0.1, "loki", share=share) for share in (0.01, 0.02, 0.03)]
    placebo = with_cell(record(0.0, "loki", share=0.03), placebo=True)
    said = "No placebo was run at 2 % x 15, 1 % x 15: no row there is marked."
    assert said in as_markdown("s", "", tables_of([*records, placebo]))
    assert "No placebo was run" not in as_markdown("s", "", tables_of(records))
