"""What a robust training asks of its victims is checked, with a sentence that says what to do."""

import numpy as np
import pytest

from loki_bench.contracts import AdversarialNoise
from loki_bench.errors import InvalidAnswerError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.training_checks import check_fit, check_question

TRAIN = Interactions(np.array([0, 2, 2, 3]), np.array([0, 1, 1], dtype=np.int32), n_items=2)
FULL = {"kept": None, "weights": None, "noise": None}
ALL = {"users": np.array([2], dtype=np.int32), "histories": Sequences.of([[0, 1]])}


def fit(**given):
    check_fit(who="defense 'd'", train=TRAIN, **{**FULL, **given})


def ask(**given):
    check_question(who="defense 'd'", n_users=3, n_items=2, **{**ALL, **given})


def test_what_the_contract_says_passes():
    fit()
    fit(kept=np.array([True, False, True]), weights=np.array([0.0, 0.5, 1.0]))
    fit(noise=AdversarialNoise(radius=1.0, weight=1.0, of_users=np.ones(3)))
    ask()
    ask(k=2)
    ask(users=np.empty(0, dtype=np.int32), histories=Sequences.empty())


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"kept": np.ones(3, dtype=int)},
            r"gave kept as int64 of shape \(3,\); expected a bool array of shape \(3,\): use "
            r"\.astype\(np\.bool_\)",
        ),
        ({"kept": [True] * 3}, r"gave kept as list; .* use np\.array\(\.\.\., dtype=np\.bool_\)"),
        ({"kept": np.ones(2, dtype=bool)}, r"gave kept as bool of shape \(2,\); .* \(3,\)$"),
        ({"kept": np.array([False, True, False])}, "keeps none of the 3 users: no event is left"),
        (
            {"weights": np.ones(3, dtype=np.float32)},
            r"gave weights as float32 .*use \.astype\(np\.float64\)",
        ),
        ({"weights": np.ones(2)}, r"gave weights as float64 of shape \(2,\); .* \(3,\)$"),
        ({"weights": np.full(3, 2.0)}, "gave a weight outside 0 to 1"),
        ({"weights": np.zeros(3)}, "gave weight 0 to all 3 events"),
        ({"noise": 0.5}, "gave noise as float; expected AdversarialNoise"),
        (
            {"noise": AdversarialNoise(radius=1.0, weight=1.0, of_users=np.ones(2))},
            "gave noise for 2 users; it was shown 3",
        ),
        (
            {"noise": AdversarialNoise(radius=1.0, weight=1.0), "weights": np.ones(3)},
            "gave weights and noise for one fit",
        ),
    ],
)
def test_a_fit_that_can_not_be_had_is_refused(given, sentence):
    with pytest.raises(InvalidAnswerError, match=f"^defense 'd' {sentence}"):
        fit(**given)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"users": np.array([2])}, r"users as int64 of shape \(1,\); .* use \.astype\(np\.int32\)"),
        ({"users": np.array([3], dtype=np.int32)}, "user 3, outside 0 to 2"),
        ({"users": np.array([-1], dtype=np.int32)}, "user -1, outside 0 to 2"),
        ({"histories": [[0]]}, "histories as list; expected Sequences"),
        (
            {"histories": Sequences.of([[0], [1]])},
            r"users as int32 .*expected a int32 array of shape \(2,\)",
        ),
        ({"histories": Sequences.of([[0, 2]])}, "item 2, outside 0 to 1"),
    ],
)
def test_a_question_that_can_not_be_answered_is_refused(given, sentence):
    with pytest.raises(InvalidAnswerError, match=f"^defense 'd' asked a victim about {sentence}"):
        ask(**given)


@pytest.mark.parametrize("k", [0, 3, True, "2"])
def test_a_list_has_one_to_all_items(k):
    with pytest.raises(InvalidAnswerError, match="items; expected a whole number from 1 to 2"):
        ask(k=k)
