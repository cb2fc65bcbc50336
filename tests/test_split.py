"""Leave-one-out splitting: nothing is lost, nothing of the future is seen."""

from hypothesis import given
from hypothesis import strategies as st

from loki_bench.interactions import Interactions, Sequences
from loki_bench.split import leave_one_out

users_rows = st.lists(st.lists(st.integers(0, 20), max_size=8), max_size=6)


def split_of(rows):
    sequences = Sequences.of(rows)
    return leave_one_out(Interactions(sequences.offsets, sequences.items, n_items=21))


def as_lists(sequences):
    return [row.tolist() for row in sequences]


@given(users_rows)
def test_train_validation_and_test_reassemble_every_tested_user(rows):
    split = split_of(rows)
    whole = as_lists(split.train)
    for held_out in (split.validation, split.test):
        assert as_lists(held_out.histories) == [whole[u] for u in held_out.users]
        for user, item in zip(held_out.users, held_out.items, strict=True):
            whole[user].append(int(item))
    assert whole == rows


@given(users_rows)
def test_only_users_with_three_events_are_tested(rows):
    split = split_of(rows)
    long_enough = [u for u, row in enumerate(rows) if len(row) >= 3]
    assert split.validation.users.tolist() == split.test.users.tolist() == long_enough
    assert split.test.items.tolist() == [rows[u][-1] for u in long_enough]
    assert split.validation.items.tolist() == [rows[u][-2] for u in long_enough]
    assert len(split.test) == len(long_enough)


@given(users_rows)
def test_the_attacker_sees_everything_but_the_test_event(rows):
    expected = [row[:-1] if len(row) >= 3 else row for row in rows]
    assert as_lists(split_of(rows).history) == expected


def test_a_split_by_hand():
    split = split_of([[5, 6, 7, 8], [1, 2], [], [3, 4, 9]])
    assert as_lists(split.train) == [[5, 6], [1, 2], [], [3]]
    assert as_lists(split.history) == [[5, 6, 7], [1, 2], [], [3, 4]]
    assert split.validation.users.tolist() == [0, 3]
    assert split.validation.items.tolist() == [7, 4]
    assert as_lists(split.validation.histories) == [[5, 6], [3]]
    assert split.test.items.tolist() == [8, 9]
    assert as_lists(split.test.histories) == [[5, 6, 7], [3, 4]]


def test_where_everyone_is_tested_histories_are_not_copied():
    split = split_of([[5, 6, 7, 8], [3, 4, 9]])
    assert split.validation.histories.items is split.train.items
    assert split.test.histories.items is split.history.items


def test_the_catalogue_and_the_tokens_survive_the_split():
    sequences = Sequences.of([[0, 1, 2]])
    data = Interactions(
        sequences.offsets,
        sequences.items,
        n_items=3,
        user_tokens=("ann",),
        item_tokens=("a", "b", "c"),
    )
    split = leave_one_out(data)
    for part in (split.train, split.history):
        assert (part.n_items, part.user_tokens) == (3, ("ann",))
        assert part.item_tokens == ("a", "b", "c")


def test_without_users_there_is_nothing_to_test():
    split = split_of([])
    assert (len(split.validation), len(split.test), split.train.n_users) == (0, 0, 0)
