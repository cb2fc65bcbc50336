"""Each of the paper's claims is judged from planted records, for every verdict it can have."""

import pytest
from made_up_records import component, made_up_record

from loki_bench.errors import StoreError
from loki_bench.paper.answered import answers, claims_page
from loki_bench.paper.answers import answer
from loki_bench.paper.claims import CLAIMS
from loki_bench.paper.evidence import Evidence


def judged(records, question):
    [claim] = [claim for claim in CLAIMS if claim.question == question]
    return answer(claim, Evidence.of(records))


def test_every_claim_has_a_quote_of_the_paper_and_a_question_of_its_own():
    assert len({claim.question for claim in CLAIMS}) == len(CLAIMS) == 10
    assert all(claim.quote and claim.where.startswith("4.") for claim in CLAIMS)


# ------------------------------------------------------------------ LOKI is best


def test_best_holds_where_loki_is_above_every_other_attack(plant):
    found = judged(plant(), "best")
    assert found.verdict == "holds"
    assert found.ours == (
        "0.410 [0.400, 0.420] on bprmf, 3 % x 15; 0.410 [0.400, 0.420] on fpmc, 3 % x 15"
    )
    # against popular, by hand: 0.38, 0.39, 0.38
    assert "at 2 of 2 places; the smallest gap is +0.383 [0.380, 0.390]" in found.why


def test_best_holds_partly_where_an_attack_that_the_paper_lacks_is_better(plant):
    found = judged(plant(fpmc={"covisit": (0.45, 0.46, 0.45)}), "best")
    assert found.verdict == "partly"
    # 0.05, 0.04, 0.04
    assert "beat it: covisit on fpmc, 3 % x 15 by 0.043 [0.040, 0.050]" in found.why


def test_best_holds_partly_where_an_attack_can_not_be_told_from_it(plant):
    found = judged(plant(covisit=(0.41, 0.41, 0.41)), "best")
    assert found.verdict == "partly"
    assert "can't be told from: covisit on bprmf" in found.why


def test_best_holds_partly_where_it_holds_on_one_victim(plant):
    found = judged(plant(bprmf={"loki": (0.02, 0.02, 0.02)}), "best")
    assert found.verdict == "partly"
    assert "at 1 of 2 places" in found.why


def test_best_does_not_hold_where_a_baseline_is_as_good_everywhere(plant):
    found = judged(plant(loki=(0.02, 0.03, 0.03)), "best")
    assert found.verdict == "does not hold"
    assert "at 0 of 2 places" in found.why


# ------------------------------------------------------------------ eight times


@pytest.mark.parametrize(
    ("popular", "verdict", "ours"),
    [
        ((0.02, 0.03, 0.03), "holds", "15.4"),  # 1.23 / 0.08
        ((0.04, 0.05, 0.06), "partly", "8.2"),  # 1.23 / 0.15, and 0.40 / 0.04 to 0.41 / 0.06
        ((0.08, 0.09, 0.08), "does not hold", "4.9"),  # 1.23 / 0.25
    ],
)
def test_times_the_best_baseline_is_a_ratio_of_means(plant, popular, verdict, ours):
    found = judged(plant(popular=popular), "times_the_best_baseline")
    assert found.verdict == verdict
    assert found.ours.startswith(f"{ours} [")


def test_times_a_baseline_of_zero_is_infinite_and_not_an_error(plant):
    zero = (0.0, 0.0, 0.0)
    found = judged(plant(popular=zero, random=zero), "times_the_best_baseline")
    assert found.verdict == "holds"
    assert found.ours == "inf [inf, inf] times"


# ------------------------------------------------------------------ the gap


@pytest.mark.parametrize(
    ("on_fpmc", "verdict"),
    [
        ((0.45, 0.48, 0.46), "holds"),  # 0.05, 0.06, 0.05 more
        ((0.45, 0.40, 0.43), "partly"),  # 0.05, -0.02, 0.02 more
        ((0.40, 0.42, 0.41), "does not hold"),  # the same
        ((0.35, 0.36, 0.37), "does not hold"),
    ],
)
def test_the_gap_on_fpmc_is_compared_with_that_on_bprmf_seed_by_seed(plant, on_fpmc, verdict):
    assert judged(plant(fpmc={"loki": on_fpmc}), "gap_on_fpmc").verdict == verdict


# ------------------------------------------------------------------ Random


@pytest.mark.parametrize(
    ("bprmf", "fpmc", "verdict"),
    [
        ((0.01, 0.01, 0.02), (0.01, 0.01, 0.02), "holds"),
        ((0.01, 0.01, 0.02), (0.02, 0.03, 0.03), "partly"),  # on fpmc as high as popular
        ((0.05, 0.05, 0.05), (0.01, 0.01, 0.02), "partly"),
        ((0.05, 0.05, 0.05), (0.05, 0.05, 0.05), "does not hold"),
    ],
)
def test_random_is_compared_with_the_lowest_other_attack(plant, bprmf, fpmc, verdict):
    found = judged(plant(bprmf={"random": bprmf}, fpmc={"random": fpmc}), "random_is_worst")
    assert found.verdict == verdict
    assert "the lowest other attack is popular" in found.why  # none is no attack


# ------------------------------------------------------------------ series


def series(plant, over, *values):
    budgets = {"share": (0.01, 0.02, 0.03), "actions": (5, 10, 15)}[over]
    return [
        record
        for budget, row in zip(budgets, values, strict=True)
        for record in plant(loki=row, **{over: budget})
    ]


@pytest.mark.parametrize(
    ("over", "question"),
    [("share", "grows_with_the_share"), ("actions", "grows_with_the_actions")],
)
@pytest.mark.parametrize(
    ("middle", "last", "verdict"),
    [
        ((0.2, 0.22, 0.21), (0.3, 0.31, 0.32), "holds"),
        ((0.4, 0.42, 0.41), (0.3, 0.31, 0.32), "partly"),  # up, then clearly down
        ((0.1, 0.12, 0.11), (0.1, 0.11, 0.11), "does not hold"),
        ((0.05, 0.05, 0.05), (0.01, 0.01, 0.02), "does not hold"),
    ],
)
def test_growth_is_a_slope_with_no_clear_fall(plant, over, question, middle, last, verdict):
    found = judged(series(plant, over, (0.1, 0.11, 0.12), middle, last), question)
    assert found.verdict == verdict


def test_a_slope_is_per_percent_and_per_action(plant):
    rows = ((0.1, 0.1, 0.1), (0.2, 0.2, 0.2), (0.3, 0.3, 0.3))
    shares = judged(series(plant, "share", *rows), "grows_with_the_share")
    assert "+0.100 [0.100, 0.100] per percent of controlled users on bprmf" in shares.ours
    actions = judged(series(plant, "actions", *rows), "grows_with_the_actions")
    assert "+0.020 [0.020, 0.020] per action on bprmf" in actions.ours


def test_best_in_all_cases_counts_places(plant):
    rows = series(plant, "share", (0.01, 0.01, 0.02), (0.4, 0.4, 0.4), (0.4, 0.42, 0.41))
    found = judged(rows, "best_at_every_share")
    assert found.verdict == "partly"
    assert "at 4 of 6 places" in found.why


def test_two_budgets_are_no_series(plant):
    rows = [*plant(share=0.02), *plant(share=0.03)]
    found = judged(rows, "grows_with_the_share")
    assert found.verdict == "not answered"
    assert found.why == "loki on bprmf has results at 2 budgets of a series."


# ------------------------------------------------------------------ 0.055


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((0.05, 0.06, 0.055), "holds"),
        ((0.4, 0.42, 0.41), "partly"),
        ((0.01, 0.02, 0.01), "does not hold"),
    ],
)
def test_a_number_of_the_paper_is_looked_for_in_our_interval(plant, values, verdict):
    assert judged(plant(fpmc={"loki": values}), "reaches").verdict == verdict


# ------------------------------------------------------------------ lengths


@pytest.mark.parametrize(
    ("fakes", "verdict", "why"),
    [
        ({3: 27, 15: 3}, "holds", "Users with 3 events grow from 900 to 927, 1.0 times"),
        ({15: 30}, "holds", "Users with 15 events grow from 100 to 130, 1.3 times"),
        ({15: 40, 8: 1}, "partly", "Users with 8 events grow from 0 to 1, inf times"),
        # before 10 % have 15 events, after (100 + 120) / 1120 = 19.6 %
        ({15: 120}, "does not hold", "distance before and after is at most 0.096"),
    ],
)
def test_lengths_are_judged_as_a_whole_and_one_by_one(plant_row, fakes, verdict, why):
    rows = [
        record
        for victim in ("bprmf", "fpmc")
        for record in plant_row("loki", victim, (0.4, 0.4), fake_lengths=fakes)
    ]
    found = judged(rows, "lengths_stay_similar")
    assert found.verdict == verdict
    assert why in found.why


def test_records_without_lengths_answer_nothing_about_them(plant):
    rows = [made_up_record(record.cell, "failed") for record in plant()]
    assert judged(rows, "lengths_stay_similar").verdict == "not answered"


# ------------------------------------------------------------------ what is no evidence


def test_a_missing_seed_is_named_and_the_claim_not_answered(plant):
    rows = [r for r in plant() if r.id != plant()[14].id]
    found = judged(rows, "best")
    assert found.verdict == "not answered"
    assert found.why == "loki on bprmf, 3 % x 15 has no result for seed 2."


def test_a_missing_row_is_named(plant):
    rows = [r for r in plant() if r.cell.attacker.name != "popular"]
    assert judged(rows, "best").why == "popular on bprmf, 3 % x 15 has no result."


def test_placebos_defenses_and_other_simulators_are_no_evidence(plant, plant_row):
    defense = component("drops")
    others = [
        *plant_row("loki", "fpmc", (0.0, 0.0, 0.0), placebo=True),
        *plant_row("loki", "fpmc", (0.0, 0.0, 0.0), defense=defense),
        *plant_row("loki", "fpmc", (0.0, 0.0, 0.0), simulator="white-box"),
    ]
    assert judged([*plant(), *others], "best") == judged(plant(), "best")


def test_records_of_two_protocols_are_refused_with_the_field(plant, plant_row):
    other = plant_row("loki", "fpmc", (0.4,), protocol={"n_targets": 5})
    with pytest.raises(StoreError, match=r"2 protocols, which differ in protocol\.n_targets"):
        Evidence.of([*plant(), *other])


def test_no_record_at_all_is_said():
    with pytest.raises(StoreError, match="no record"):
        Evidence.of([])


# ------------------------------------------------------------------ the page


def test_the_page_holds_every_claim_and_is_the_same_in_any_order(plant):
    rows = plant()
    text = claims_page({"mine": "Made up."}, rows)
    assert claims_page({"mine": "Made up."}, [*rows[::-1], *rows]) == text
    for number, one in enumerate(answers(rows), start=1):
        assert f"## {number}. {one.claim.title}" in text
        assert one.claim.quote in text
        assert f"**{one.verdict[0].upper()}{one.verdict[1:]}.** {one.why}" in text
    assert "Of 10 claims: " in text
    assert "[mine](mine/leaderboard.md): Made up." in text
    assert "nan" not in text
