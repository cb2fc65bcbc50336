"""The simulator asked about a whole poison: surrogates that count what the poison clicks."""

import dataclasses

import numpy as np
import pytest

from loki_bench.attackers.loki.next_items import NextItems
from loki_bench.attackers.loki.simulator_trial import RecommenderSimulator, surrogates_to_try
from loki_bench.contracts import (
    FactorRecommender,
    Recommender,
    RowwiseRecommender,
    TranslationRecommender,
    ids,
)
from loki_bench.errors import RejectedError
from loki_bench.interactions import Sequences

ROWS = [[0, 1, 2], [0, 1, 3], [0, 2, 3]]


class Popularity(Recommender):
    """Scores an item with its number of events, or with minus that."""

    def __init__(self, *, sign=1.0):
        self.sign, self.seeds = sign, []
        self.validation = None

    def fit(self, train, *, validation, seed):
        self.counts = train.item_counts
        self.seeds.append(seed)
        self.validation = validation
        return self

    def score_next(self, users, histories):
        return np.tile(self.sign * self.counts, (len(users), 1)).astype(np.float32)


@dataclasses.dataclass
class Lent:
    name: str
    model: Recommender
    train: object
    weight: float = 1.0

    def fit(self):
        return self.model


@pytest.fixture
def view(view_of):
    def build(*surrogates, users=(0, 1)):
        known = view_of(ROWS, n_items=8, targets=[6, 7], users=users)
        train = known.history.with_sequences(known.history.without_last(1))
        lent = tuple(Lent(name, model, train, weight) for name, model, weight in surrogates)
        return dataclasses.replace(known, surrogates=lent)

    return build


def simulator(view, list_length=1):
    return RecommenderSimulator(view, view.surrogates, view.goal.items, list_length=list_length)


def test_a_poison_is_judged_by_surrogates_trained_on_it(view):
    asked = simulator(view(("pop", Popularity(), 1.0)))
    # user 0 has 0, 1, 2 and user 1 has 0, 1, 3: without a poison 3 leads for 0, and 2 for 1
    nothing = asked.try_out(Sequences.empty())
    assert nothing.display_rate == nothing.vote_display_rate == 0.0
    shown = asked.try_out(Sequences.of([[6, 6, 6, 6]]))
    assert shown.display_rate == 0.5  # one of two targets in a list of one
    assert shown.vote_display_rate == 0.5
    assert shown.n_shown.tolist() == [1.0, 1.0]


def test_rates_are_weighted_means_and_the_vote_is_eq_1(view):
    # the second surrogate ranks what is clicked last
    asked = simulator(view(("pop", Popularity(), 3.0), ("rare", Popularity(sign=-1.0), 1.0)))
    trial = asked.try_out(Sequences.of([[6, 6, 6, 6], [7, 7, 7]]))
    assert trial.by_surrogate == {"pop": 0.5, "rare": 0.0}
    assert trial.display_rate == pytest.approx(0.375)
    # user 0: 6 has ranks 1 and 5, times their weights (3 + 5) / 2: the least of all
    assert trial.vote_display_rate == 0.5


def test_the_mean_log_rank_is_of_the_items_that_can_be_shown(view_of):
    known = view_of(ROWS, n_items=8, targets=[0, 6], users=[0, 1])
    lent = (Lent("pop", Popularity(), known.history),)
    known = dataclasses.replace(known, surrogates=lent)
    # both have 0; of 3, 4, 5, 6, 7 and 2, 4, 5, 6, 7 the one of some events is first, then 6
    found = simulator(known).try_out(Sequences.of([[6]]))
    assert found.mean_log_rank == pytest.approx(np.log(2))


def test_many_target_users_are_shown_their_lists_block_by_block(view, monkeypatch):
    poison = Sequences.of([[6, 6, 6, 6], [7, 7, 7]])
    pool = ("pop", Popularity(), 3.0), ("rare", Popularity(sign=-1.0), 1.0)
    whole = simulator(view(*pool), list_length=2).try_out(poison)
    monkeypatch.setattr("loki_bench.attackers.loki.next_items._MOST_SCORES", 8)
    blocks = simulator(view(*pool), list_length=2).try_out(poison)
    for name, value in vars(whole).items():
        assert np.array_equal(getattr(blocks, name), value) or name == "found"
    assert blocks.mean_log_rank == whole.mean_log_rank


def test_the_fitted_surrogate_stays_as_it_is_and_its_event_held_out_validates(view):
    model = Popularity()
    watched = view(("pop", model, 1.0))
    asked = simulator(watched)
    asked.try_out(Sequences.of([[6]]))
    assert model.seeds == []
    held_out = asked._validation["pop"]
    assert held_out.users.tolist() == [0, 1, 2]
    assert held_out.items.tolist() == [2, 3, 3]
    assert [row.tolist() for row in held_out.histories] == [[0, 1], [0, 1], [0, 2]]


def test_a_target_that_the_user_has_is_never_shown(view_of):
    known = view_of(ROWS, n_items=8, targets=[0], users=[0, 1])
    known = dataclasses.replace(known, surrogates=(Lent("pop", Popularity(), known.history),))
    assert simulator(known).try_out(Sequences.of([[0] * 9])).display_rate == 0.0


def test_a_target_that_the_user_has_is_shown_where_repeats_are(view_of):
    known = view_of(ROWS, n_items=8, targets=[0], users=[0, 1])
    lent = (Lent("pop", Popularity(), known.history),)
    known = dataclasses.replace(known, surrogates=lent, repeats="allow")
    assert simulator(known).try_out(Sequences.of([[0] * 9])).display_rate == 1.0


def test_an_attack_without_surrogates_is_refused(view):
    with pytest.raises(RejectedError, match="no surrogate to try its fake users on"):
        RecommenderSimulator(view(), (), ids([6]), list_length=10)


class Tables(Popularity, FactorRecommender):
    """A model of tables in name."""

    def parameters(self):
        raise NotImplementedError

    training_samples = sample_loss = l2_coefficients = target_score = parameters
    factor_terms = l2_per_sample = parameters


class Translation(Popularity, TranslationRecommender):
    """The other kind in name."""

    def parameters(self):
        raise NotImplementedError

    training_samples = sample_loss = l2_coefficients = target_score = parameters
    translation_tables = parameters


@pytest.mark.parametrize(
    ("tried", "pool", "expected"),
    [
        ("tables", "net mf tr", ["mf", "tr"]),
        ("all", "net mf tr", ["net", "mf", "tr"]),
        ("tables", "net mf", ["net", "mf"]),
        ("tables", "net", ["net"]),
    ],
)
def test_networks_are_tried_only_where_fewer_than_two_models_of_tables_are(
    view, tried, pool, expected
):
    models = {"net": Popularity(), "mf": Tables(), "tr": Translation()}
    lent = view(*((name, models[name], 1.0) for name in pool.split()))
    assert [surrogate.name for surrogate in surrogates_to_try(lent, tried)] == expected


class Rows(RowwiseRecommender):
    """Counts a row's events where it is trained, and says which were."""

    def fit_rows(self, train, *, users, items, seed):
        self.seeds.append(seed)
        self.moved = users.tolist(), items.tolist()
        self.counts = np.where(np.isin(np.arange(train.n_items), items), train.item_counts, 0)
        LAST_TRAINED.append(self)
        return self


class RowTables(Rows, Tables):
    """A model of tables whose rows can be trained alone."""


class RowNetwork(Rows, Popularity):
    """A network whose tables can be trained alone, and which would stay."""

    def parameters(self):
        raise NotImplementedError

    training_samples = sample_loss = l2_coefficients = target_score = parameters


LAST_TRAINED: list[Rows] = []


def test_the_rows_that_the_lists_are_made_of_are_trained_alone(view):
    asked = view(("mf", RowTables(), 1.0), ("net", RowNetwork(), 1.0), ("pop", Popularity(), 1.0))
    by_rows = RecommenderSimulator(
        asked, asked.surrogates, asked.goal.items, list_length=1, rows_alone=True
    )
    LAST_TRAINED.clear()
    trial = by_rows.try_out(Sequences.of([[6, 6, 6, 6], [4, 4, 4, 4, 4]]))
    [trained] = LAST_TRAINED
    assert isinstance(trained, RowTables)
    assert trained is not asked.surrogates[0].fit()
    # users 0 and 1 have 0, 1, 2 and 0, 1, 3: fake users' clicks on item 4 move nothing of theirs
    assert trained.moved == ([0, 1], [0, 1, 2, 3, 6, 7])
    assert trial.by_surrogate == {"mf": 0.5, "net": 0.0, "pop": 0.0}


class LastItem(Popularity):
    """Shows item 6 to whoever did item 4 last, and nothing else."""

    def score_next(self, users, histories):
        scores = np.zeros((len(users), len(self.counts)), dtype=np.float32)
        scores[:, 6] = [1.0 if row[-1] == 4 else -1.0 for row in histories]
        return scores


def test_lists_are_imagined_after_each_likely_next_item_as_often_as_it_is_likely(view):
    asked = view(("last", LastItem(), 1.0))
    following = NextItems(
        users=asked.goal.users,
        items=np.array([[4, 5], [5, 4]], dtype=np.int32),
        shares=np.array([[0.75, 0.25], [0.5, 0.5]]),
    )
    imagined = RecommenderSimulator(
        asked, asked.surrogates, asked.goal.items, list_length=1, following=following
    ).try_out(Sequences.empty())
    assert imagined.n_shown.tolist() == [0.75, 0.5]
    assert imagined.display_rate == imagined.vote_display_rate == pytest.approx(1.25 / 4)
    assert simulator(asked).try_out(Sequences.empty()).display_rate == 0.0
