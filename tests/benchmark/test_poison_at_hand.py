"""Rows of items become fake users, or are refused with the row and the item."""

import numpy as np
import pytest

from loki_bench.benchmark.poison_at_hand import sequences_of
from loki_bench.errors import UsageError
from loki_bench.interactions import Interactions, Sequences

DATA = Interactions(
    np.array([0, 3]),
    np.array([0, 1, 2]),
    n_items=3,
    user_tokens=("ann",),
    item_tokens=("tea", "cup", "pot"),
)


def test_rows_of_numbers_tokens_or_both_are_read_in_order():
    rows = [[2, 0], ["cup"], ["tea", 2, np.int64(1)]]
    assert [row.tolist() for row in sequences_of(rows, DATA)] == [[2, 0], [1], [0, 2, 1]]
    assert sequences_of(Sequences.of([[1, 2]]), DATA) == Sequences.of([[1, 2]])
    assert len(sequences_of([], DATA)) == 0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[0], ["tee"]], r"fake user 1: the dataset has no item 'tee' \(did you mean 'tea'\?\)"),
        ([[3]], "fake user 0: there is no item 3; items are numbered from 0 to 2"),
        ([[-1]], "there is no item -1"),
        ([[0.5]], "there is no item 0.5"),
        ([[0], []], "fake user 1 has no action; leave that user out"),
        (["tea"], "fake user 0 is text: expected a row of items"),
        ([1], "fake user 0 is 1: expected a row of items"),
    ],
)
def test_what_is_no_fake_user_is_refused(rows, message):
    with pytest.raises(UsageError, match=message):
        sequences_of(rows, DATA)
