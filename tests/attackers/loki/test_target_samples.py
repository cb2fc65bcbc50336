import numpy as np
import pytest

from loki_bench.attackers.loki.target_samples import objective_of, target_samples
from loki_bench.contracts import ids
from loki_bench.errors import RejectedError
from loki_bench.interactions import Interactions, Sequences


@pytest.fixture
def history():
    sequences = Sequences.of([[0, 1], [2], []])
    return Interactions(sequences.offsets, sequences.items, n_items=4)


def test_an_item_that_a_user_already_has_is_no_target_sample(history):
    users, items = target_samples(history, ids([0, 1, 2]), ids([1, 2]))
    assert list(zip(users.tolist(), items.tolist(), strict=True)) == [
        (0, 2),
        (1, 1),
        (2, 1),
        (2, 2),
    ]


def test_users_who_have_everything_leave_nothing_to_promote(history):
    with pytest.raises(RejectedError, match="each of the 1 target users already has every item"):
        target_samples(history, ids([0]), ids([0, 1]))


def test_the_influence_reward_is_the_mean_score(history, surrogate):
    model = surrogate(history).fit()
    objective = objective_of(model, history, ids([0, 2]), ids([2, 3]), reward="influence", seed=0)
    assert objective.weights.tolist() == [0.5, 0.5]
    assert objective.histories == Sequences.of([[0, 1], []])


def test_the_rank_reward_weighs_a_sample_by_the_slope_of_its_smoothed_rank(history, surrogate):
    model = surrogate(history).fit()  # scores 0, 1, 2, 3
    users, items = ids([0, 2]), ids([2, 3])
    objective = objective_of(model, history, users, items, reward="simulator-rank", seed=0)
    scores = np.arange(4.0)
    width = 0.1 * scores.std()

    def rank(score):
        return 1 + (1 / (1 + np.exp((score - scores) / width))).sum()

    step = 1e-6
    expected = [-(rank(i + step) - rank(i - step)) / (2 * step) / 2 for i in (2, 3)]
    assert objective.weights == pytest.approx(expected, rel=1e-4)


def test_the_contrast_reward_takes_away_what_the_other_users_score(history, surrogate):
    """Two of three samples are of item 3; the one other user is user 1."""
    model = surrogate(history).fit()
    users, items = ids([0, 0, 2]), ids([2, 3, 3])
    objective = objective_of(model, history, users, items, reward="contrast", seed=0)
    assert objective.users.tolist() == [0, 0, 2, 1, 1]
    assert objective.items.tolist() == [2, 3, 3, 2, 3]
    assert objective.weights == pytest.approx([1 / 3, 1 / 3, 1 / 3, -1 / 3, -2 / 3])
    assert objective.histories == history.take([0, 0, 2, 1, 1])


def test_where_everyone_is_a_target_user_there_is_nothing_to_contrast(history, surrogate):
    model = surrogate(history).fit()
    users, items = ids([0, 1, 2]), ids([3, 3, 3])
    objective = objective_of(model, history, users, items, reward="contrast", seed=0)
    assert objective.weights == pytest.approx([1 / 3] * 3)


def test_of_users_without_an_event_nothing_is_taken_away(surrogate):
    sequences = Sequences.of([[0, 1], [2], [], [], [1]])
    history = Interactions(sequences.offsets, sequences.items, n_items=4)
    model = surrogate(history).fit()
    objective = objective_of(model, history, ids([0]), ids([3]), reward="contrast", seed=0)
    assert objective.users.tolist() == [0, 1, 4]
    assert objective.weights == pytest.approx([1, -1 / 2, -1 / 2])


@pytest.mark.filterwarnings("error")
def test_scores_that_are_all_alike_have_no_slope_of_the_rank(history, surrogate):
    class FlatForUserZero(type(surrogate(history).fit())):
        def score_next(self, users, histories):
            return np.where(users[:, None] == 0, 1e30, super().score_next(users, histories))

    model = FlatForUserZero(4)
    told = objective_of(model, history, ids([0, 2]), ids([2, 3]), reward="simulator-rank", seed=0)
    assert told.weights[0] == 0
    assert 0 < told.weights[1] < np.inf
    alone = objective_of(model, history, ids([0, 0]), ids([2, 3]), reward="simulator-rank", seed=0)
    assert alone.weights.tolist() == [0.5, 0.5]


def test_where_repeats_are_shown_an_item_of_the_history_is_a_target_sample_too():
    history = Interactions(np.array([0, 2, 3]), np.array([0, 1, 2]), n_items=4)
    asked = (history, np.array([0, 1], dtype=np.int32), np.array([1, 3], dtype=np.int32))
    assert [a.tolist() for a in target_samples(*asked)] == [[0, 1, 1], [3, 1, 3]]
    shown = target_samples(*asked, repeats_are_shown=True)
    assert [a.tolist() for a in shown] == [[0, 0, 1, 1], [1, 3, 1, 3]]
