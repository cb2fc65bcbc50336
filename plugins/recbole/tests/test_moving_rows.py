"""Some rows trained anew: all others stay to the bit, and the trained ones learn."""

import copy

import numpy as np
import pytest

from loki_bench.contracts import FineTunableRecommender, RowwiseRecommender
from loki_bench.errors import InvalidAnswerError, ParameterError
from loki_bench.interactions import Sequences
from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.caser import Caser
from loki_bench_recbole.fpmc import FPMC
from loki_bench_recbole.gru4rec import GRU4Rec
from loki_bench_recbole.hooks import loki_bench_recommenders
from loki_bench_recbole.moving_rows import MovingRows
from loki_bench_recbole.narm import NARM
from loki_bench_recbole.samples import SampleSource
from loki_bench_recbole.sasrec import SASRec
from loki_bench_recbole.transrec import TransRec

RECOMMENDERS = [
    lambda: BPRMF(embedding_size=4, epochs=3),
    lambda: FPMC(embedding_size=4, epochs=3),
    lambda: TransRec(embedding_size=4, epochs=3),
    lambda: GRU4Rec(embedding_size=4, hidden_size=5, epochs=2, loss="BPR"),
    lambda: GRU4Rec(embedding_size=4, hidden_size=5, epochs=2, loss="CE"),
    lambda: Caser(embedding_size=4, epochs=2, loss="BPR"),
    lambda: Caser(embedding_size=4, epochs=2, loss="CE"),
    lambda: SASRec(hidden_size=4, inner_size=8, epochs=2, loss="BPR"),
    lambda: SASRec(hidden_size=4, inner_size=8, epochs=2, loss="CE"),
    lambda: NARM(embedding_size=4, hidden_size=4, epochs=2),
]
IDS = [
    "bprmf",
    "fpmc",
    "transrec",
    "bpr",
    "ce",
    "caser-bpr",
    "caser-ce",
    "sasrec-bpr",
    "sasrec-ce",
    "narm",
]
USERS, ITEMS = np.array([1], np.int32), np.array([2, 5], np.int32)
ADDED = Sequences.of([[2, 5, 2], [0, 5]])


@pytest.mark.parametrize("make", RECOMMENDERS, ids=IDS)
def test_the_rows_asked_for_and_new_users_rows_move_and_no_other_users_or_network(small, make):
    model = make().fit(small, validation=None, seed=0)
    before = [p.detach().numpy().copy() for p in model.parameters()]
    local = copy.deepcopy(model).fit_rows(small.with_users(ADDED), users=USERS, items=ITEMS, seed=1)
    again = copy.deepcopy(model).fit_rows(small.with_users(ADDED), users=USERS, items=ITEMS, seed=1)
    moves = MovingRows.of(
        USERS,
        ITEMS,
        n_before=small.n_users,
        n_users=small.n_users + len(ADDED),
        n_items=small.n_items,
    )
    n_moved = 0
    for old, new, repeated, rows in zip(
        before, local.parameters(), again.parameters(), local._moving_tables(moves), strict=True
    ):
        new = new.detach().numpy()
        assert np.array_equal(new, repeated.detach().numpy())
        stay = np.ones(len(old), bool) if rows is None else ~rows[: len(old)]
        if rows is moves.items and isinstance(model, FineTunableRecommender):
            # other items answer with the steps that AdaGrad's sums leave them: shorter ones
            assert np.abs(new[stay] - old[stay]).mean() < np.abs(new[~stay] - old[~stay]).mean()
        else:
            assert np.array_equal(new[: len(old)][stay], old[stay])
        n_moved += int((new[: len(old)][~stay] != old[~stay]).any())
    assert n_moved
    assert all(
        np.array_equal(p.detach().numpy(), b)
        for p, b in zip(model.parameters(), before, strict=True)
    )
    users = np.arange(small.n_users + len(ADDED), dtype=np.int32)
    histories = small.with_users(ADDED).take(users)
    assert np.isfinite(local.score_next(users, histories)).all()


def test_who_can_train_rows_alone_says_so():
    specs = loki_bench_recommenders()
    able = {spec.name for spec in specs if issubclass(spec.resolve(), RowwiseRecommender)}
    assert {spec.name for spec in specs if spec.trains_rows} == able


def test_samples_with_a_user_or_an_item_that_moves_are_told(small):
    source = SampleSource.of(small, from_first=True)
    moving = MovingRows.of(
        USERS, ITEMS, n_before=small.n_users, n_users=small.n_users, n_items=small.n_items
    )
    negatives = np.zeros(len(source), np.int32)
    negatives[0] = 5
    expected = [
        user in USERS or positive in ITEMS or last in ITEMS or negative in ITEMS
        for user, positive, last, negative in zip(
            source.users, source.positives, source.last_items, negatives, strict=True
        )
    ]
    assert moving.touched_by(source, negatives).tolist() == expected
    assert not all(expected)


def test_another_catalogue_or_a_trainer_of_whole_tables_is_refused(small):
    model = BPRMF(embedding_size=4, epochs=1, trainer="torch").fit(small, validation=None, seed=0)
    with pytest.raises(ParameterError, match="give trainer='compiled'"):
        model.fit_rows(small, users=USERS, items=ITEMS, seed=1)
    fitted = BPRMF(embedding_size=4, epochs=1).fit(small, validation=None, seed=0)
    fewer = small.with_sequences(small.take(range(small.n_users - 1)))
    with pytest.raises(ParameterError, match="give the same catalogue"):
        fitted.fit_rows(fewer, users=USERS, items=ITEMS, seed=1)


def state(model, train):
    users = np.arange(train.n_users, dtype=np.int32)
    scores = model.score_next(users, train.take(users))
    return scores.tobytes(), model.fit_report, model.n_training_samples


@pytest.mark.parametrize(
    ("parameters", "given", "error"),
    [
        ({"trainer": "torch"}, {}, ParameterError),
        ({"trainer": "lbfgs"}, {}, ParameterError),
        ({}, {"seed": -1}, ParameterError),
        ({}, {"users": np.array([99], np.int32)}, ParameterError),
        ({}, {"items": np.array([-1], np.int32)}, ParameterError),
        ({"l2": 1e30}, {}, InvalidAnswerError),
    ],
)
def test_what_is_refused_or_diverges_leaves_the_fit_as_it_was(small, parameters, given, error):
    model = BPRMF(embedding_size=4, epochs=1, **{**parameters, "l2": 0.1})
    before = state(model.fit(small, validation=None, seed=0), small)
    if "l2" in parameters:
        model._learning_rate, model._l2 = 1e38, parameters["l2"]
    with pytest.raises(error):
        model.fit_rows(
            small.with_users(ADDED), **{"users": USERS, "items": ITEMS, "seed": 1, **given}
        )
    assert state(model, small) == before


@pytest.mark.parametrize("recommender", [BPRMF, FPMC, TransRec])
def test_rows_trained_alone_are_gone_on_from_and_others_keep_their_sums(small, recommender):
    model = recommender(embedding_size=4, epochs=3).fit(small, validation=None, seed=0)
    before = [total.copy() for total in model._sums]
    more = small.with_users(ADDED)
    moving = MovingRows.of(
        USERS, ITEMS, n_before=small.n_users, n_users=more.n_users, n_items=small.n_items
    )
    model.fit_rows(more, users=USERS, items=ITEMS, seed=1)
    for old, new, rows in zip(before, model._sums, model._moving_tables(moving), strict=True):
        assert np.isfinite(new).all()
        if rows is None or rows is moving.users:
            stayed = np.flatnonzero(~rows[: len(old)]) if rows is not None else slice(None)
            assert np.array_equal(new[: len(old)][stayed], old[stayed])
        else:  # an item's sum can but grow, unless its row was trained from scratch
            assert (new[~rows] >= old[~rows]).all()
    tables = [p.detach().numpy().copy() for p in model.parameters()]

    again = copy.deepcopy(model).fit_rows(more, users=USERS, items=ITEMS, seed=2)
    others = np.setdiff1d(np.arange(small.n_items), ITEMS)
    assert (again.parameters()[1].detach().numpy()[others] != tables[1][others]).any()

    model.fine_tune(more, seed=2, epochs=1)
    assert model.fit_report["epochs_before"] == 3.0
    assert (model.parameters()[0].detach().numpy() != tables[0]).any()


def test_casers_users_rows_are_trained_where_they_are_asked_for(small):
    model = Caser(embedding_size=4, epochs=2).fit(small, validation=None, seed=0)
    old = model.parameters()[1].detach().numpy().copy()
    model.fit_rows(small, users=USERS, items=ITEMS[:0], seed=1)
    moved = (model.parameters()[1].detach().numpy() != old).any(1)
    assert np.flatnonzero(moved).tolist() == USERS.tolist()


@pytest.mark.parametrize("length", [2, 3, 40])
@pytest.mark.parametrize("make", RECOMMENDERS, ids=IDS)
def test_no_table_but_the_users_grows_or_shrinks_with_the_lengths_of_the_rows(small, make, length):
    first = small.with_users(Sequences.of([[1, 2], [3, 4]]))  # no other table has so many rows
    model = make().fit(first, validation=None, seed=0)
    shapes = [tuple(p.shape) for p in model.parameters()]
    fake = Sequences.of([np.arange(length) % small.n_items])
    others = [row[-length:] for row in first]
    model.fit_rows(
        first.with_sequences(Sequences.of(others).followed_by(fake)),
        users=USERS,
        items=ITEMS,
        seed=1,
    )
    grown = [(n + 1, *rest) if n == first.n_users else (n, *rest) for n, *rest in shapes]
    assert [tuple(p.shape) for p in model.parameters()] == grown
    assert np.isfinite(model.score_next(USERS, Sequences.of([[0] * 40]))).all()


def test_nothing_to_move_moves_nothing(small):
    model = GRU4Rec(embedding_size=4, hidden_size=5, epochs=1, loss="BPR")
    model.fit(small, validation=None, seed=0)
    before = [p.detach().numpy().copy() for p in model.parameters()]
    model.fit_rows(small, users=USERS[:0], items=ITEMS[:0], seed=1)
    for new, old in zip(model.parameters(), before, strict=True):
        assert np.array_equal(new.detach().numpy(), old)
