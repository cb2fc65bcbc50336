"""Detection by hand: three genuine users, two fake ones, and a defense that drops some."""

import math

import numpy as np
import pytest

from loki_bench.contracts import Defended
from loki_bench.metrics.defense_cost import clean_hr_lost, clean_ndcg_lost
from loki_bench.metrics.detection import (
    detection_auc,
    detection_precision,
    detection_recall,
    false_positive_rate,
    recall_at_1pct_fpr,
)


def defended(kept, suspicion=None, undefended=(1.0,)):
    return Defended(
        kept=np.array(kept, dtype=bool),
        suspicion=None if suspicion is None else np.array(suspicion, dtype=float),
        clean_kept=np.ones(3, dtype=bool),
        undefended_test_ranks=np.array(undefended, dtype=float),
    )


@pytest.fixture
def found(outcome_of):
    def build(kept, suspicion=None, poison=((0,), (1,)), lengths=(3, 3, 3)):
        return outcome_of(lengths=lengths, poison=poison, defended=defended(kept, suspicion))

    return build


def test_precision_recall_and_harm_count_dropped_users(found):
    outcome = found([False, True, True, False, True])  # one genuine and one fake user dropped
    assert detection_precision(outcome) == pytest.approx(1 / 2)
    assert detection_recall(outcome) == pytest.approx(1 / 2)
    assert false_positive_rate(outcome) == pytest.approx(1 / 3)


def test_a_defense_that_drops_nobody_has_no_precision(found):
    outcome = found([True] * 5)
    assert math.isnan(detection_precision(outcome))
    assert detection_recall(outcome) == false_positive_rate(outcome) == 0.0


def test_the_area_is_the_share_of_pairs_in_the_right_order_with_ties_counted_half(found):
    suspicion = [0.0, 1.0, 2.0, 1.0, 3.0]
    pairs = [(fake > real) + (fake == real) / 2 for fake in (1, 3) for real in (0, 1, 2)]
    assert detection_auc(found([True] * 5, suspicion)) == pytest.approx(sum(pairs) / 6)


def test_the_area_needs_suspicion_fake_users_and_genuine_users(found):
    assert math.isnan(detection_auc(found([True] * 5)))
    assert math.isnan(detection_auc(found([True] * 3, [0.0] * 3, poison=())))
    assert math.isnan(detection_auc(found([True] * 2, [0.0] * 2, lengths=())))


def test_without_a_defense_nobody_is_dropped_and_nothing_is_lost(outcome_of):
    outcome = outcome_of(tests=[1, 50], poison=[[0]])
    assert detection_recall(outcome) == false_positive_rate(outcome) == 0.0
    assert clean_hr_lost(outcome, 10) == clean_ndcg_lost(outcome, 10) == 0.0
    assert math.isnan(detection_precision(outcome))
    assert math.isnan(detection_auc(outcome))


def test_without_fake_users_there_is_no_recall(found):
    assert math.isnan(detection_recall(found([True] * 3, poison=())))


def test_what_the_defense_costs_is_clean_against_clean(outcome_of):
    # without the defense both test items are shown, at ranks 1 and 3; with it only the second is
    outcome = outcome_of(
        tests=[50, 50],
        clean_tests=[50, 3],
        lengths=(3, 3, 3),
        defended=defended([True] * 3, undefended=(1, 3)),
    )
    assert clean_hr_lost(outcome, 10) == pytest.approx(1 / 2)
    assert clean_ndcg_lost(outcome, 10) == pytest.approx((1 + 1 / 2) / 2 - (1 / 2) / 2)


def test_recall_where_one_percent_of_genuine_users_are_more_suspicious(outcome_of):
    # of 200 genuine users two may be above the threshold, which is therefore the third's, 197
    def at(*fakes):
        suspicion = np.array([*range(200), *fakes], dtype=float)
        kept = np.ones(len(suspicion), dtype=bool)
        return outcome_of(
            lengths=[3] * 200,
            poison=[[0]] * len(fakes),
            defended=Defended(
                kept=kept,
                suspicion=suspicion,
                clean_kept=kept[:200],
                undefended_test_ranks=np.ones(1),
            ),
        )

    assert recall_at_1pct_fpr(at(300, 197.5, 197, 5)) == pytest.approx(2 / 4)
    assert recall_at_1pct_fpr(at(0, 1)) == 0.0


def test_few_genuine_users_allow_no_false_positive(found):
    kept = [True] * 5
    assert recall_at_1pct_fpr(found(kept, [1, 2, 3, 3, 4])) == pytest.approx(1 / 2)
    assert math.isnan(recall_at_1pct_fpr(found(kept)))
