"""The Random attack: a repository for each fake user, picked from without repetition."""

import numpy as np
import pytest

from loki_bench.attackers.random_items import RandomAttack
from loki_bench.errors import ParameterError

TARGETS = list(range(100, 120))


@pytest.fixture
def view(view_of):
    def build(**changes):
        given = {"n_items": 500, "targets": TARGETS, "n_fake_users": 400, "n_actions": 15}
        return view_of([[0, 1]], **{**given, **changes})

    return build


def share_of_targets(poison):
    return np.isin(poison.items, TARGETS).mean()


def test_no_fake_user_repeats_an_item(view):
    for row in RandomAttack().poison(view()):
        assert len(set(row.tolist())) == 15


@pytest.mark.parametrize(("ratio", "share"), [(1.0, 1 / 2), (3.0, 1 / 4), (0.0, 1.0)])
def test_the_repository_mix_sets_the_share_of_targets(view, ratio, share):
    poison = RandomAttack(random_per_target=ratio).poison(view())
    # 6,000 draws: three standard errors are 0.02
    assert share_of_targets(poison) == pytest.approx(share, abs=0.02)


def test_a_repository_is_never_smaller_than_the_number_of_actions(view):
    # one target: a repository of 15 holds it and 14 others, so every fake user has it once
    poison = RandomAttack(random_per_target=0).poison(view(targets=[100]))
    for row in poison:
        assert row.tolist().count(100) == 1
        assert len(set(row.tolist())) == 15


def test_every_account_has_a_repository_of_its_own(view):
    poison = RandomAttack().poison(view())
    others = {item for item in poison.items.tolist() if item not in TARGETS}
    assert len(others) > 400  # one shared repository would hold 20


def test_targets_come_at_every_step_alike(view):
    steps = np.isin(RandomAttack().poison(view()).items, TARGETS).reshape(-1, 15).mean(axis=0)
    assert np.all(np.abs(steps - 0.5) < 0.1)  # four standard errors of 400 draws


@pytest.mark.parametrize("ratio", [-1, float("nan"), float("inf"), "1", True])
def test_a_mix_that_is_no_number_from_zero_is_refused(ratio):
    with pytest.raises(ParameterError, match="attacker 'random': random_per_target must be"):
        RandomAttack(random_per_target=ratio)
