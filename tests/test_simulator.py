"""Eq. 1 by hand, and weights that find a planted victim."""

import numpy as np
import pytest

from loki_bench.errors import ParameterError
from loki_bench.simulator import fit_weights, ranks_of_scores, simulator_scores


def test_ranks_start_at_one_and_ties_are_averaged():
    np.testing.assert_array_equal(
        ranks_of_scores(np.array([[0.5, 2.0, 0.5, -1.0]])), [[2.5, 1.0, 2.5, 4.0]]
    )
    assert ranks_of_scores(np.empty((0, 3))).shape == (0, 3)
    with pytest.raises(ParameterError, match="NaN"):
        ranks_of_scores(np.array([0.0, np.nan]))


def test_the_vote_is_equation_one():
    ranks = np.array([[1.0, 2.0, 3.0], [3.0, 1.0, 2.0]])
    np.testing.assert_allclose(
        simulator_scores(ranks, np.array([1.0, 2.0])),
        [-(1 * 1 + 2 * 3) / 2, -(1 * 2 + 2 * 1) / 2, -(1 * 3 + 2 * 2) / 2],
    )


def test_the_vote_of_many_users_is_that_of_each_and_nan_stays():
    ranks = ranks_of_scores(np.random.default_rng(0).normal(size=(3, 4, 6)))
    ranks[:, 1, 2] = np.nan
    weights = np.array([0.2, 1.0, 0.0])
    together = simulator_scores(ranks, weights)
    for user in range(4):
        np.testing.assert_allclose(together[user], simulator_scores(ranks[:, user], weights))
    assert np.isnan(together[1, 2])
    assert np.isnan(together).sum() == 1


@pytest.mark.parametrize(
    ("ranks", "weights"),
    [
        (np.ones((2, 3)), [1.0]),
        (np.ones((0, 3)), []),
        (np.ones((2, 3)), [1.0, -0.1]),
        (np.ones((2, 3)), [1.0, np.nan]),
        (np.ones(3), [1.0]),
    ],
)
def test_weights_that_do_not_fit_are_refused(ranks, weights):
    with pytest.raises(ParameterError, match="simulator"):
        simulator_scores(ranks, np.array(weights))


def planted(weights, *, n_queries=30, n_items=50, k=5, seed=0):
    ranks = ranks_of_scores(np.random.default_rng(seed).normal(size=(3, n_queries, n_items)))
    scores = simulator_scores(ranks, np.array(weights))
    return ranks, np.argsort(-scores, axis=1, kind="stable")[:, :k]


def test_a_victim_that_is_one_of_the_surrogates_gets_nearly_all_weight():
    ranks, answers = planted([0.0, 1.0, 0.0])
    weights = fit_weights(ranks, answers)
    assert weights.mean() == pytest.approx(1)
    assert weights[1] > 2.7
    assert (weights >= 0).all()


def test_a_victim_that_is_a_mixture_is_found_up_to_scale():
    ranks, answers = planted([1.0, 3.0, 2.0], n_queries=200)
    np.testing.assert_allclose(fit_weights(ranks, answers), [0.5, 1.5, 1.0], atol=0.15)


def test_a_surrogate_that_is_always_wrong_gets_no_weight():
    ranks, answers = planted([1.0, 0.0, 0.0])
    ranks[2] = 51 - ranks[0]
    assert fit_weights(ranks, answers)[2] == 0.0


def test_no_answer_leaves_equal_weights():
    ranks, answers = planted([1.0, 0.0, 0.0])
    np.testing.assert_array_equal(fit_weights(ranks[:, :0], answers[:0]), [1, 1, 1])
    np.testing.assert_array_equal(fit_weights(ranks, answers[:, :0]), [1, 1, 1])


def test_items_without_a_rank_are_never_shown():
    ranks, answers = planted([0.0, 1.0, 0.0])
    never = [next(i for i in range(50) if i not in row) for row in answers.tolist()]
    for query, item in enumerate(never):
        ranks[:, query, item] = np.nan
    assert fit_weights(ranks, answers)[1] > 2.7
    answers[0, 0] = never[0]
    with pytest.raises(ParameterError, match="no rank"):
        fit_weights(ranks, answers)


@pytest.mark.parametrize("answers", [[[50]], [[-1]], [[1, 1]], [1, 2]])
def test_answers_that_can_not_be_are_refused(answers):
    ranks, _ = planted([1.0, 0.0, 0.0], n_queries=1)
    with pytest.raises(ParameterError, match="fit_weights"):
        fit_weights(ranks, np.array(answers))


def test_a_list_of_every_item_is_explained():
    ranks, answers = planted([1.0, 0.0, 0.0], n_items=5, k=5)
    assert fit_weights(ranks, answers)[0] > 2.0
