"""Weights from the victim's answers: planted truth, the queries that are asked, the edges."""

import dataclasses

import numpy as np
import pytest

from loki_bench import builtin
from loki_bench.attackers.loki.fitted_weights import with_fitted_weights
from loki_bench.contracts import Recommender
from loki_bench.errors import RejectedError
from loki_bench.interactions import Interactions, Sequences


class Fixed(Recommender):
    """Scores drawn once from a seed."""

    def __init__(self, n_users, n_items, seed):
        self.scores = np.random.default_rng(seed).random((n_users, n_items), dtype=np.float32)

    def fit(self, train, *, validation, seed):
        return self

    def score_next(self, users, histories):
        return self.scores[users]


@dataclasses.dataclass
class Lent:
    name: str
    model: Recommender
    train: Interactions
    weight: float = 1.0

    def fit(self):
        return self.model


class Victim:
    """An oracle that shows what one model would, own items left out."""

    def __init__(self, model, history, n, k=5):
        self.model, self.history, self.n_left, self.k = model, history, n, k
        self.asked = []

    def top_k(self, user):
        self.n_left -= 1
        self.asked.append(user)
        own = set(self.history[user].tolist())
        order = np.argsort(-self.model.scores[user])
        return np.array([item for item in order if item not in own][: self.k], dtype=np.int32)


@pytest.fixture
def setting(loki_view):
    def build(*, n, truth="b", k=5):
        view = loki_view()
        size = (view.history.n_users, view.history.n_items)
        lent = tuple(Lent(name, Fixed(*size, seed), view.history) for seed, name in enumerate("ab"))
        oracle = Victim({s.name: s for s in lent}[truth].model, view.history, n, k)
        return dataclasses.replace(view, surrogates=lent, oracle=oracle)

    return build


@pytest.mark.parametrize("truth", ["a", "b"])
def test_the_surrogate_that_is_like_the_victim_has_the_vote(setting, truth):
    weights = {
        s.name: s.weight for s in with_fitted_weights(setting(n=20, truth=truth), seed=1).surrogates
    }
    assert weights[truth] > 1.9
    assert sum(weights.values()) == pytest.approx(2.0)


def test_target_users_are_asked_for_first_and_no_user_twice(setting):
    view = setting(n=10)
    with_fitted_weights(view, seed=1)
    assert view.oracle.asked[:3] == view.goal.users.tolist()
    assert len(set(view.oracle.asked)) == 10
    assert view.oracle.n_left == 0


def test_more_queries_than_users_are_not_asked(setting):
    view = setting(n=1000)
    with_fitted_weights(view, seed=1)
    assert sorted(view.oracle.asked) == list(range(view.history.n_users))


def test_no_query_is_spent_on_users_of_whom_no_event_is_known(setting):
    view = setting(n=1000)
    rows = [[] if user in (1, 20, 21) else row for user, row in enumerate(view.history)]
    view = dataclasses.replace(view, history=view.history.with_sequences(Sequences.of(rows)))
    with_fitted_weights(view, seed=1)
    assert view.oracle.asked[:2] == [0, 2]  # of the target users 0, 1 and 2
    assert sorted(view.oracle.asked) == sorted({*range(40)} - {1, 20, 21})


def test_the_seed_decides_who_is_asked(setting):
    views = [setting(n=10) for _ in range(3)]
    for view, seed in zip(views, (1, 1, 2), strict=True):
        with_fitted_weights(view, seed=seed)
    first, again, other = (view.oracle.asked for view in views)
    assert first == again != other


def test_lists_as_long_as_the_catalogue_allows_are_fitted_and_shorter_ones_left_out(setting):
    fitted = with_fitted_weights(setting(n=20, k=60), seed=1)
    assert sum(s.weight for s in fitted.surrogates) == pytest.approx(2.0)


def test_without_a_query_left_the_weights_stay(setting):
    fitted = with_fitted_weights(setting(n=0), seed=1)
    assert [s.weight for s in fitted.surrogates] == [1.0, 1.0]


def test_what_was_lent_is_handed_on(setting):
    view = setting(n=5)
    for before, after in zip(
        view.surrogates, with_fitted_weights(view, seed=1).surrogates, strict=True
    ):
        assert (after.name, after.train, after.fit()) == (before.name, before.train, before.model)


def test_without_an_oracle_the_attack_is_rejected(loki_view):
    with pytest.raises(RejectedError, match="no queries to fit its weights to"):
        with_fitted_weights(loki_view(), seed=1)


def test_loki_needs_queries_only_to_fit_its_weights():
    [spec] = [s for s in builtin.loki_bench_attackers() if s.name == "loki"]
    assert "queries" not in spec.needs_with({"weights": "suite"})
    assert "queries" in spec.needs_with({"weights": "fit"})
