"""The most visited items and some others, with targets between them."""

import pytest

from loki_bench.errors import ParameterError
from loki_bench_attacks.bandwagon import BandwagonAttack

# visits: item 3 has 4, item 2 has 3, item 1 has 2, item 0 has 1
ROWS = [[0, 1, 2, 3], [1, 2, 3], [2, 3], [3]]


def parts(poison):
    return [(set(row[::2].tolist()), set(row[1::2].tolist())) for row in poison]


def test_half_of_the_fillers_are_the_most_visited_items(view_of):
    view = view_of(ROWS, n_items=20, targets=[18, 19], users=[0], n_fake_users=10, n_actions=8)
    for fillers, lifted in parts(BandwagonAttack(n_selected=2).poison(view)):
        assert {2, 3} <= fillers  # the two most visited of three users' counts by hand
        assert len(fillers - {2, 3}) == 2
        assert not (fillers - {2, 3}) & {18, 19}
        assert lifted == {18, 19}


def test_a_share_of_one_leaves_no_other_fillers(view_of):
    view = view_of(ROWS, n_items=20, targets=[19], users=[0], n_fake_users=10, n_actions=6)
    attack = BandwagonAttack(n_selected=3, selected_share=1.0)
    assert all(fillers == {1, 2, 3} for fillers, _ in parts(attack.poison(view)))


def test_a_target_is_never_a_selected_item(view_of):
    view = view_of(ROWS, n_items=20, targets=[3], users=[0], n_fake_users=10, n_actions=4)
    attack = BandwagonAttack(n_selected=1, selected_share=1.0)
    assert all(2 in fillers and 3 not in fillers for fillers, _ in parts(attack.poison(view)))


@pytest.mark.parametrize("wrong", [{"n_selected": 0}, {"selected_share": 1.5}])
def test_values_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ParameterError, match="attacker 'bandwagon'"):
        BandwagonAttack(**wrong)
