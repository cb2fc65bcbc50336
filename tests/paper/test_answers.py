"""Each of the paper's claims is judged from planted records, for every verdict it can have."""

import pytest
from made_up_records import component, made_up_record
from scipy import stats

from loki_bench.errors import StoreError
from loki_bench.leaderboard.formatting import escape_markdown
from loki_bench.paper.answered import answers, claims_page
from loki_bench.paper.answers import answer
from loki_bench.paper.claims import CLAIMS
from loki_bench.paper.evidence import Evidence, Where
from loki_bench.paper.verdicts import at_place
from loki_bench.records.schema import Lengths


def judged(records, question):
    [claim] = [claim for claim in CLAIMS if claim.question == question]
    return answer(claim, Evidence.of(records))


def verdicts(found):
    return (
        found.baselines.verdict,
        None if found.everything is None else found.everything.verdict,
    )


def test_every_claim_has_a_quote_of_the_paper_and_a_question_of_its_own():
    assert len({claim.question for claim in CLAIMS}) == len(CLAIMS) == 12
    assert all(claim.quote and claim.where.startswith(("3.", "4.")) for claim in CLAIMS)


# ------------------------------------------------------------------ LOKI is best


def test_best_holds_where_loki_is_above_every_other_attack(plant):
    found = judged(plant(), "best")
    assert verdicts(found) == ("holds", "holds")
    # by hand: t(0.975, 2) = 4.3027 times 0.01 / sqrt(3)
    assert found.ours == ("0.410 ± 0.025 on bprmf, 3 % x 15; 0.410 ± 0.025 on fpmc, 3 % x 15")
    # against popular: 0.38, 0.39, 0.38, a mean of 0.3833 with 4.3027 / 300 around it
    assert found.baselines.decided_by.startswith(
        "loki - popular on bprmf, 3 % x 15: +0.383 ± 0.014, p "
    )
    # against covisit: 0.2, 0.22, 0.2
    assert found.everything.decided_by.startswith(
        "loki - covisit on bprmf, 3 % x 15: +0.207 ± 0.029, p "
    )


def test_best_holds_against_the_baselines_alone_where_an_attack_that_the_paper_lacks_is_better(
    plant,
):
    found = judged(plant(fpmc={"covisit": (0.80, 0.82, 0.81)}), "best")
    assert verdicts(found) == ("holds", "not decided")  # the same 0.4 at each of three seeds
    found = judged(plant(fpmc={"covisit": (0.80, 0.821, 0.81)}), "best")
    assert verdicts(found) == ("holds", "does not hold")
    assert "loki - covisit on fpmc, 3 % x 15: -0.400 ± 0.001" in found.everything.decided_by


def test_best_is_not_decided_where_an_attack_can_not_be_told_from_it(plant):
    found = judged(plant(covisit=(0.41, 0.41, 0.41)), "best")
    assert verdicts(found) == ("holds", "not decided")
    assert "Not clearly below LOKI: loki - covisit on bprmf" in found.why


def test_best_does_not_hold_where_a_baseline_is_clearly_above_on_one_victim(plant):
    rows = plant(bprmf={"loki": (0.02, 0.02, 0.02), "popular": (0.5, 0.501, 0.502)})
    assert judged(rows, "best").baselines.verdict == "does not hold"


def test_best_is_not_decided_where_a_baseline_is_as_good(plant):
    found = judged(plant(loki=(0.02, 0.03, 0.03)), "best")
    assert found.baselines.verdict == "not decided"
    assert "clearly above at 0 of 2 places" in found.why


# ------------------------------------------------------------------ eight times


@pytest.mark.parametrize(
    ("popular", "verdict", "ours"),
    [
        ((0.02, 0.03, 0.03), "holds", "15.4 times"),  # 1.23 / 0.08; 0.24, 0.18, 0.17 above 8 x
        ((0.04, 0.05, 0.06), "not decided", "8.2 times"),  # 1.23 / 0.15; 0.08, 0.02, -0.07
        ((0.08, 0.09, 0.08), "does not hold", "4.9 times"),  # 1.23 / 0.25
    ],
)
def test_times_the_best_baseline_is_judged_by_what_is_left_above_it(plant, popular, verdict, ours):
    found = judged(plant(popular=popular), "times_the_best_baseline")
    assert found.baselines.verdict == verdict
    assert found.everything.verdict == "does not hold"  # covisit has half of LOKI's rate
    assert found.ours == ours


def test_times_a_baseline_of_zero_is_no_number_and_not_an_error(plant):
    zero = (0.0, 0.0, 0.0)
    found = judged(plant(popular=zero, random=zero), "times_the_best_baseline")
    assert found.baselines.verdict == "holds"
    assert found.ours == "above a rate of zero"


# ------------------------------------------------------------------ the gap


@pytest.mark.parametrize(
    ("on_fpmc", "verdict"),
    [
        ((0.45, 0.48, 0.46), "holds"),  # 0.05, 0.06, 0.05 more
        ((0.45, 0.40, 0.43), "not decided"),  # 0.05, -0.02, 0.02 more
        ((0.40, 0.42, 0.41), "not decided"),  # the same
        ((0.35, 0.36, 0.361), "does not hold"),  # 0.05, 0.06, 0.049 less
    ],
)
def test_the_gap_on_fpmc_is_compared_with_that_on_bprmf_seed_by_seed(plant, on_fpmc, verdict):
    found = judged(plant(fpmc={"loki": on_fpmc}), "gap_on_fpmc")
    assert verdicts(found) == (verdict, verdict)


# ------------------------------------------------------------------ Random

LOW = {"random": (0.01, 0.01, 0.02)}
HIGH = {"popular": (0.31, 0.32, 0.32), "covisit": (0.4, 0.4, 0.4)}  # 0.3, 0.31, 0.3 above


@pytest.mark.parametrize(
    ("bprmf", "fpmc", "expected"),
    [
        (HIGH, HIGH, ("holds", "holds")),
        (HIGH, {}, ("not decided", "not decided")),  # popular is within the noise
        (HIGH, {**HIGH, "random": (0.61, 0.62, 0.619)}, ("does not hold", "does not hold")),
        # an attack that the paper does not have is lower
        (HIGH, {**HIGH, "covisit": (0.0, 0.0, 0.01)}, ("holds", "not decided")),
    ],
)
def test_random_is_compared_with_the_lowest_other_attack(plant, bprmf, fpmc, expected):
    found = judged(plant(bprmf={**LOW, **bprmf}, fpmc={**LOW, **fpmc}), "random_is_worst")
    assert verdicts(found) == expected
    assert "none - random" not in found.why  # none is no attack


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
        ((0.2, 0.22, 0.21), (0.3, 0.31, 0.325), "holds"),
        ((0.6, 0.612, 0.62), (0.3, 0.31, 0.32), "does not hold"),  # up, then clearly down
        ((0.1, 0.12, 0.11), (0.1, 0.11, 0.11), "not decided"),
        ((0.05, 0.061, 0.071), (0.01, 0.02, 0.03), "does not hold"),  # the slope is clearly below
    ],
)
def test_growth_is_a_slope_with_no_clear_fall(plant, over, question, middle, last, verdict):
    found = judged(series(plant, over, (0.1, 0.11, 0.12), middle, last), question)
    assert verdicts(found) == (verdict, None)


def test_a_slope_is_per_percent_and_per_action(plant):
    rows = ((0.1, 0.1, 0.1), (0.2, 0.2, 0.2), (0.3, 0.3, 0.303))
    shares = judged(series(plant, "share", *rows), "grows_with_the_share")
    # by hand: 0.1, 0.1, 0.1015 a percent, so 0.1005 (below it in bits) and 4.3027 * 0.0005
    assert "+0.100 ± 0.002 (slope on bprmf, per percent)" in shares.ours
    actions = judged(series(plant, "actions", *rows), "grows_with_the_actions")
    assert "+0.020 ± 0.000 (slope on bprmf, per action)" in actions.ours


def test_best_in_all_cases_counts_places(plant):
    rows = series(plant, "share", (0.01, 0.01, 0.02), (0.4, 0.4, 0.4), (0.4, 0.42, 0.41))
    found = judged(rows, "best_at_every_share")
    assert found.baselines.verdict == "not decided"
    assert "baselines: clearly above at 4 of 6 places" in found.why
    assert found.ours == "0.013 to 0.410 at 6 places"


@pytest.mark.parametrize(
    ("shares", "budgets"), [((0.03,), "1 budget"), ((0.02, 0.03), "2 budgets")]
)
def test_one_or_two_budgets_are_no_series(plant, shares, budgets):
    rows = [row for share in shares for row in plant(share=share)]
    found = judged(rows, "grows_with_the_share")
    assert verdicts(found) == ("not decided", None)
    assert found.why == f"Loki on bprmf has results at {budgets}; a series needs three."


# ------------------------------------------------------------------ 0.055


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((0.05, 0.06, 0.055), "holds"),
        ((0.4, 0.42, 0.41), "not reproduced"),
        ((0.01, 0.02, 0.01), "not reproduced"),
    ],
)
def test_a_number_of_the_paper_is_looked_for_in_our_interval(plant, values, verdict):
    found = judged(plant(fpmc={"loki": values}), "reaches")
    assert verdicts(found) == (verdict, None)
    assert "Knowledge" in found.claim.tried


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ((0.0, 0.0, 0.0), "0.055 lies in our interval, which is too wide to say so"),
        ((0.4, 0.0, 0.1), "it reaches beyond 0.0275 to 0.11"),
        ((0.02, 0.06, 0.055), "it reaches beyond 0.0275 to 0.11"),  # -0.009 to 0.099
        ((0.4,), "One seed has no interval."),
    ],
)
def test_an_interval_that_holds_nearly_everything_decides_nothing(plant_row, values, why):
    found = judged(plant_row("loki", "fpmc", values), "reaches")
    assert verdicts(found) == ("not decided", None)
    assert why in found.why


# ------------------------------------------------------------------ lengths


@pytest.mark.parametrize(
    ("fakes", "verdict", "why"),
    [
        ({3: 27, 15: 3}, "holds", "Users with 3 events grow from 900 to 927, 1.0 times"),
        ({15: 30}, "holds", "Users with 15 events grow from 100 to 130, 1.3 times"),
        ({15: 40, 8: 1}, "does not hold", "Users with 8 events grow from 0 to 1, inf times"),
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
    assert verdicts(found) == (verdict, None)
    assert why in found.why


def test_no_fake_users_have_no_lengths(plant, plant_row):
    rows = [record for record in plant() if record.cell.attacker.name != "loki"]
    for victim in ("bprmf", "fpmc"):
        rows += [
            record.model_copy(update={"lengths": Lengths(genuine={3: 900}, fake={})})
            for record in plant_row("loki", victim, (0.4, 0.4, 0.4))
        ]
    found = judged(rows, "lengths_stay_similar")
    assert verdicts(found) == ("not decided", None)
    assert "Loki on bprmf, 3 % x 15 wrote no fake user" in found.why


def test_records_without_lengths_answer_nothing_about_them(plant):
    rows = [made_up_record(record.cell, "failed") for record in plant()]
    assert judged(rows, "lengths_stay_similar").baselines.verdict == "not decided"


# ------------------------------------------------------------------ the data, the Hessian


def test_the_data_are_not_reproduced_where_a_number_is_another_one(plant):
    found = judged(plant(), "same_data")
    assert verdicts(found) == ("not reproduced", None)
    assert "beside 146,031 activities" in found.baselines.decided_by


@pytest.mark.parametrize(
    ("without", "verdict"),
    [
        ((0.20, 0.211, 0.20), "holds"),
        ((0.41, 0.41, 0.41), "not decided"),
        ((0.80, 0.821, 0.81), "does not hold"),
    ],
)
def test_the_inverse_hessian_is_loki_less_loki_without_it(plant, plant_row, without, verdict):
    rows = plant()
    for victim in ("bprmf", "fpmc"):
        rows += plant_row(
            "loki",
            victim,
            without,
            simulator="leave-one-out",
            influence=component("gradient-dot"),
            influence_is_default=False,
        )
    found = judged(rows, "inverse_hessian")
    assert verdicts(found) == (verdict, verdict)


def test_the_inverse_hessian_is_not_decided_without_rows_that_lack_it(plant):
    found = judged(plant(), "inverse_hessian")
    assert verdicts(found) == ("not decided", None)
    assert "has no record here" in found.why


# ------------------------------------------------------------------ what is no evidence


def test_a_missing_seed_is_named_and_and_the_claim_not_decided(plant):
    rows = [r for r in plant() if r.id != plant()[14].id]
    found = judged(rows, "best")
    assert found.baselines.verdict == "not decided"
    assert found.why == "Loki on bprmf, 3 % x 15 has no result for seed 2."


def without(rows, attacker, victim, seed):
    """The rows without one cell."""
    gone = (attacker, victim, seed)
    return [r for r in rows if (r.cell.attacker.name, r.cell.victim.name, r.cell.seed) != gone]


@pytest.mark.parametrize(
    "question", ["best", "times_the_best_baseline", "gap_on_fpmc", "random_is_worst"]
)
def test_a_seed_that_another_attack_lacks_takes_away_the_second_verdict_alone(plant, question):
    rows = plant(bprmf={**LOW, **HIGH}, fpmc={**LOW, **HIGH, "loki": (0.55, 0.58, 0.56)})
    whole = judged(rows, question)
    found = judged(without(rows, "covisit", "fpmc", 2), question)
    assert whole.baselines.verdict != "not decided"
    assert found.baselines.verdict == whole.baselines.verdict
    assert found.ours == whole.ours
    assert found.everything.verdict == "not decided"
    lacking = "covisit on fpmc, 3 % x 15 has no result for seed 2"
    assert found.everything.decided_by == lacking
    assert f"is not known: {lacking}." in found.why


def test_claims_about_loki_alone_need_no_other_row(plant):
    rows = series(plant, "share", (0.1, 0.11, 0.12), (0.2, 0.22, 0.21), (0.3, 0.31, 0.325))
    fewer = without(without(rows, "popular", "fpmc", 1), "covisit", "bprmf", 0)
    for question in ("grows_with_the_share", "reaches"):
        assert judged(fewer, question) == judged(rows, question)


def test_a_pair_that_lacks_a_seed_still_counts_among_those_that_are_looked_at():
    rates = {
        "loki": {0: 0.4, 1: 0.42, 2: 0.41},
        "popular": {0: 0.02, 1: 0.03, 2: 0.03},
        "covisit": {0: 0.3, 1: 0.1},
    }
    where = Where("fpmc", 0.03, 15)
    # 0.38, 0.39, 0.38: the smallest p of three, so three times what it is alone
    alone = stats.ttest_1samp([0.38, 0.39, 0.38], 0.0).pvalue
    assert at_place(rates, "popular", where).p_value == pytest.approx(3 * alone)
    other = at_place(rates, "covisit", where)
    assert (other.difference.n, other.difference.mean) == (2, pytest.approx(0.21))


def test_a_missing_row_is_named(plant):
    rows = [r for r in plant() if r.cell.attacker.name != "popular"]
    assert judged(rows, "best").why == "Popular on bprmf, 3 % x 15 has no result."


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
        assert f"- against the paper's baselines: **{one.baselines.verdict}** (" in text
        assert escape_markdown(one.why) in text
    assert "Of 12 claims, against the paper's baselines 3 hold, " in text
    assert "[mine](mine/leaderboard.md): Made up." in text
    assert "nan" not in text


def first_lines(rows):
    return claims_page({"mine": "Made up."}, rows).split("\n\n")[1]


def test_the_first_two_sentences_say_whom_loki_beats_and_what_beats_it(plant):
    said = first_lines(plant(covisit=(0.80, 0.82, 0.811)))
    assert said.startswith("LOKI beats the paper's baselines: it is clearly above the best")
    assert "at 2 of 2 places" in said
    # 0.4, 0.4, 0.401 above
    assert "What beats LOKI is covisit, whose display rate is higher at 2 of 2 places" in said
    assert "the mean of covisit - loki over the places: +0.400 ± 0.001" in said


def test_the_mean_over_places_is_of_the_seeds_that_all_of_them_have(plant):
    better = plant(covisit=(0.80, 0.82, 0.811))  # 0.4, 0.4, 0.401 above
    less = plant(covisit=(0.2, 0.2, 0.2), share=0.02) + plant(covisit=(0.2, 0.2, 0.2), share=0.01)
    said = first_lines([*better, *[r for r in less if r.cell.seed < 2]])
    # by hand, of 0.4 at two places and -0.2 or -0.22 at four: 0 and -0.0133, a mean of -0.0067
    assert "the mean of covisit - loki over the places: -0.007 " in said


def test_the_first_two_sentences_need_none_but_the_papers_rows(plant):
    rows = plant(covisit=(0.80, 0.82, 0.811))
    said = first_lines(without(rows, "covisit", "fpmc", 2))
    assert "at 2 of 2 places" in said
    # 0.4 and 0.4: the same at both seeds that both places have
    assert "whose display rate is higher at 2 of 2 places" in said
    assert "the mean of covisit - loki over the places: +0.400 " in said


def test_the_first_two_sentences_say_so_where_nothing_is_decided(plant):
    said = first_lines(plant(loki=(0.02, 0.03, 0.02), covisit=(0.03, 0.02, 0.03)))
    assert said.startswith("LOKI does not beat the paper's baselines")
    assert "Nothing here clearly beats LOKI; nearest is covisit" in said
    said = first_lines(plant())
    assert "Nothing here has a higher display rate than LOKI at any of these places." in said
    said = first_lines([r for r in plant() if r.cell.attacker.name != "popular"])
    assert said.startswith("The records do not say")
