"""Ranks in tiles equal those of the whole rows that a factor model answers, bit for bit."""

import numpy as np
import pytest

from loki_bench.answer_checks import ranks_given_by
from loki_bench.contracts import FactorRecommender, FactorTerm
from loki_bench.interactions import Sequences
from loki_bench.product_ranking import ranks_by_products
from loki_bench.ranking import masked_ranks

N_USERS, N_ITEMS = 700, 2500


def terms_of(seed, kinds, d=32, n_items=N_ITEMS):
    generator = np.random.default_rng(seed)
    return tuple(
        FactorTerm(
            row=kind,
            row_table=generator.normal(size=(N_USERS if kind == "user" else n_items, d)).astype(
                np.float32
            ),
            item_table=generator.normal(size=(n_items, d)).astype(np.float32),
            row_l2=0.0,
            item_l2=0.0,
        )
        for kind in kinds
    )


def histories_and_items(seed, m=1, n_items=N_ITEMS):
    generator = np.random.default_rng(seed + 100)
    lengths = generator.integers(0, 30, size=N_USERS)
    histories = Sequences.of([generator.integers(0, n_items, length) for length in lengths])
    items = generator.integers(0, n_items, size=(N_USERS, m)).astype(np.int32)
    for user in range(0, N_USERS, 7):  # some are in their own user's history
        if m and lengths[user]:
            items[user, 0] = histories[user][-1]
    return histories, items


def scores_of(terms, users, histories):
    queries = []
    for term in terms:
        rows = []
        for user, history in zip(users, histories, strict=True):
            if term.row == "user":
                rows.append(term.row_table[user])
            else:
                nothing = np.zeros(term.row_table.shape[1], np.float32)
                rows.append(term.row_table[history[-1]] if len(history) else nothing)
        queries.append(np.array(rows, np.float32).reshape(len(users), -1))
    items = np.concatenate([term.item_table for term in terms], axis=1)
    return np.concatenate(queries, axis=1) @ items.T


USERS = np.arange(N_USERS, dtype=np.int32)[::-1].copy()


@pytest.mark.parametrize("m", [0, 1, 3])
@pytest.mark.parametrize("kinds", [("user",), ("user", "last-item"), ("last-item",)])
def test_ranks_equal_those_of_whole_rows(kinds, m):
    terms = terms_of(1, kinds)
    histories, items = histories_and_items(1, m)
    scores = scores_of(terms, USERS, histories)
    found = ranks_by_products(terms, USERS, histories, items, scores[:300])
    assert found is not None
    np.testing.assert_array_equal(found, masked_ranks(scores, histories, items))
    assert np.isnan(found).any() == (m > 0)


def test_ties_are_shared():
    [term] = terms_of(2, ("user",), d=4)
    term.item_table[:] = np.round(term.item_table)
    term.row_table[:] = np.round(term.row_table)
    histories, items = histories_and_items(2)
    scores = scores_of((term,), USERS, histories)
    found = ranks_by_products((term,), USERS, histories, items, scores[:300])
    np.testing.assert_array_equal(found, masked_ranks(scores, histories, items))
    assert (found % 1 == 0.5).any()


def test_tables_that_do_not_give_the_answered_scores_are_not_taken():
    terms = terms_of(3, ("user",))
    histories, items = histories_and_items(3)
    scores = scores_of(terms, USERS, histories)[:300]
    scores[299, -1] = np.nextafter(scores[299, -1], np.float32(np.inf))
    # of 300 only a tile's worth is compared
    assert ranks_by_products(terms, USERS, histories, items, scores) is not None
    scores[7, 2000] = np.nextafter(scores[7, 2000], np.float32(np.inf))
    assert ranks_by_products(terms, USERS, histories, items, scores) is None


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e38])
def test_numbers_that_are_not_finite_or_may_overflow_are_left_to_the_whole_rows(bad):
    terms = terms_of(4, ("user",))
    histories, items = histories_and_items(4)
    scores = scores_of(terms, USERS, histories)[:300]
    terms[0].item_table[-1, 0] = bad
    assert ranks_by_products(terms, USERS, histories, items, scores) is None


def test_a_small_catalogue_and_tables_of_another_shape_are_left_to_the_whole_rows():
    histories, items = histories_and_items(5, n_items=50)
    small = terms_of(5, ("user",), n_items=50)
    scores = scores_of(small, USERS, histories)
    assert ranks_by_products(small, USERS, histories, items, scores[:300]) is None
    wide = np.zeros((300, N_ITEMS), np.float32)
    assert ranks_by_products(small, USERS, histories, items, wide) is None
    assert ranks_by_products((), USERS, histories, items, wide) is None


class Factors(FactorRecommender):
    """Answers from its tables, but for a bias that it may add without a word."""

    def __init__(self, terms, bias):
        self.terms, self.bias, self.n_asked = terms, bias, 0

    def score_next(self, users, histories):
        self.n_asked += len(users)
        return scores_of(self.terms, users, histories) + self.bias

    def factor_terms(self):
        return self.terms

    def fit(self, train, *, validation, seed):
        raise NotImplementedError

    parameters = training_samples = sample_loss = l2_coefficients = target_score = fit
    l2_per_sample = True


@pytest.mark.parametrize(
    ("bias", "asks_everybody"), [(np.float32(0), False), (np.arange(N_ITEMS, dtype="f4"), True)]
)
def test_the_host_asks_a_factor_model_only_once_where_its_tables_give_its_scores(
    bias, asks_everybody, monkeypatch
):
    monkeypatch.setattr("loki_bench.answer_checks.BLOCK_EVENTS", 300 * N_ITEMS)
    terms = terms_of(6, ("user", "last-item"))
    histories, items = histories_and_items(6)
    model = Factors(terms, bias)
    ranks = ranks_given_by(
        model, name="mine", users=USERS, histories=histories, items=items, n_items=N_ITEMS
    )
    scores = scores_of(terms, USERS, histories) + bias
    np.testing.assert_array_equal(ranks, masked_ranks(scores, histories, items))
    assert model.n_asked == (N_USERS if asks_everybody else 300)
