"""What components answer is checked, never repaired."""

import numpy as np
import pytest

from loki_bench.answer_checks import (
    checked_keep,
    checked_report,
    checked_solver_report,
    checked_suspicion,
    ranks_given_by,
    validate_poison,
)
from loki_bench.contracts import Budget, Recommender
from loki_bench.errors import InvalidAnswerError, RejectedError
from loki_bench.interactions import Interactions, Sequences

BUDGET = Budget(n_fake_users=2, n_actions=3)


def check(answer):
    return validate_poison(answer, attacker="a", budget=BUDGET, n_items=5)


def test_a_poison_within_the_rules_passes_unchanged():
    poison = Sequences.of([[0, 1, 4], [2]])
    assert check(poison) == poison


def test_no_fake_users_at_all_is_within_the_rules():
    assert len(check(Sequences.empty())) == 0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[0], [1], [2]], "wrote 3 fake users; the budget is 2"),
        ([[0, 1, 2, 3]], "gave fake user 0 4 events; the budget is 3"),
        ([[0], []], "gave fake user 1 no event"),
        ([[5]], "used item 5; the catalogue is 0 to 4"),
    ],
)
def test_a_poison_outside_the_rules_is_rejected_with_the_reason(rows, message):
    with pytest.raises(RejectedError, match=message):
        check(Sequences.of(rows))


@pytest.mark.parametrize("rubbish", [None, [[1]], np.zeros((2, 3)), "items"])
def test_anything_else_than_sequences_is_rejected(rubbish):
    with pytest.raises(RejectedError, match="expected loki_bench Sequences"):
        check(rubbish)


class Answers(Recommender):
    def __init__(self, answer):
        self.answer = answer

    def fit(self, train, *, validation, seed):
        return self

    def score_next(self, users, histories):
        return self.answer(users)


def ranks(answer, n=2):
    return ranks_given_by(
        Answers(answer),
        name="r",
        users=np.arange(n, dtype=np.int32),
        histories=Sequences.of([[]] * n),
        items=np.zeros((n, 1), dtype=np.int32),
        n_items=3,
    )


def test_ranks_come_from_scores():
    scores = np.array([[3, 2, 1], [1, 1, 2]], dtype=np.float32)
    assert ranks(lambda users: scores).tolist() == [[1.0], [2.5]]


def test_an_own_item_has_no_rank_unless_repeats_are_shown():
    asked = {
        "name": "r",
        "users": np.zeros(1, dtype=np.int32),
        "histories": Sequences.of([[0, 1]]),
        "items": np.array([[1, 2]], dtype=np.int32),
        "n_items": 3,
    }
    model = Answers(lambda users: np.array([[3, 2, 1]], dtype=np.float32))
    assert ranks_given_by(model, **asked, repeats_are_shown=True).tolist() == [[2.0, 3.0]]
    hidden = ranks_given_by(model, **asked)
    assert np.isnan(hidden[0, 0])
    assert hidden[0, 1] == 1.0


def test_no_user_means_no_rank():
    assert ranks(lambda users: np.zeros((len(users), 3), np.float32), n=0).shape == (0, 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused(bad):
    scores = np.array([[3, bad, 1], [1, 1, 2]], dtype=np.float32)
    with pytest.raises(InvalidAnswerError, match="'r' answered score_next with NaN or infinity"):
        ranks(lambda users: scores)


@pytest.mark.parametrize(
    "answer",
    [np.zeros((2, 4), np.float32), np.zeros((2, 3)), [[0, 0, 0]] * 2, np.zeros(6, np.float32)],
)
def test_scores_of_the_wrong_type_or_shape_are_refused(answer):
    with pytest.raises(InvalidAnswerError, match=r"expected a float32 array of shape \(2, 3\)"):
        ranks(lambda users: answer)


def test_a_report_in_numpys_numbers_is_kept_in_pythons():
    told = {"loss": np.float32(0.5), "rounds": np.int64(3), "done": np.True_, "why": ["x", None]}
    kept = checked_report(told, who="attacker 'a'")
    assert kept == {"loss": 0.5, "rounds": 3, "done": True, "why": ["x", None]}
    assert [type(value) for value in kept.values()] == [float, int, bool, list]


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ([], "list is no mapping"),
        ({"loss": np.float32("nan")}, "'loss' is nan; expected a finite number, or None"),
        ({"loss": float("inf")}, "'loss' is inf; expected"),
        ({"losses": np.zeros(2)}, "a ndarray is neither a number nor text"),
        ({"a": {"b": float("nan")}}, "Out of range float"),
    ],
)
def test_a_report_that_can_not_be_kept_is_refused_in_a_sentence(told, problem):
    with pytest.raises(InvalidAnswerError, match=f"d' reports what can't be kept: {problem}"):
        checked_report(told, who="defense 'd'")


def test_what_a_solver_reports_need_not_be_finite():
    told = checked_solver_report({"residual": np.float32("inf"), "rounds": 2}, who="estimator 'e'")
    assert told == {"residual": None, "rounds": 2}


THREE_USERS = Interactions(np.array([0, 2, 2, 3]), np.array([0, 1, 1], dtype=np.int32), n_items=2)


def test_a_mask_of_users_passes_as_a_copy():
    mask = np.array([True, False, False])
    kept = checked_keep(mask, defense="d", train=THREE_USERS)
    mask[:] = False
    assert kept.tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([True, True, True], "answered keep with list; expected a bool array of shape"),
        (np.ones(3), "answered keep with float64"),
        (np.ones(2, dtype=bool), r"expected a bool array of shape \(3,\)"),
        (np.array([False, True, False]), "dropped all 3 users: no event is left"),
    ],
)
def test_any_other_mask_is_refused(answer, message):
    with pytest.raises(InvalidAnswerError, match=f"defense 'd' .*{message}"):
        checked_keep(answer, defense="d", train=THREE_USERS)


def test_no_event_before_the_defense_is_none_after_it():
    nobody = Interactions(np.zeros(1, int), np.empty(0, dtype=np.int32), n_items=1)
    assert checked_keep(np.empty(0, dtype=bool), defense="d", train=nobody).shape == (0,)


@pytest.mark.parametrize(
    "answer", [[0.0, 1.0], np.zeros(2, dtype=np.float32), np.zeros(3), np.array([0.0, np.nan])]
)
def test_suspicion_is_none_or_finite_numbers(answer):
    with pytest.raises(InvalidAnswerError, match="expected None or a finite float64 array"):
        checked_suspicion(answer, defense="d", n_users=2)
    assert checked_suspicion(None, defense="d", n_users=2) is None
    assert checked_suspicion(np.zeros(2), defense="d", n_users=2).tolist() == [0.0, 0.0]


def test_a_row_of_another_length_than_was_drawn_for_it_is_rejected():
    budget = Budget(n_fake_users=3, n_actions=9, lengths=np.array([2, 1, 3]))

    def checked(rows):
        answer = Sequences.of(rows)
        return validate_poison(answer, attacker="a", budget=budget, n_items=5)

    assert checked([[0, 1], [2], [3, 4, 0]]) == Sequences.of([[0, 1], [2], [3, 4, 0]])
    assert checked([[0, 1]]) == Sequences.of([[0, 1]])  # fewer fake users are allowed
    assert not len(checked([]))
    for rows in ([[0, 1], [2, 3]], [[0]], [[0, 1], [2], [3, 4]]):
        with pytest.raises(RejectedError, match=r"host drew a length .* view.budget.lengths"):
            checked(rows)
    with pytest.raises(RejectedError, match="wrote 4 fake users; the budget is 3"):
        checked([[0, 1], [2], [3, 4, 0], [1]])
