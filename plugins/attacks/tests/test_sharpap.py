"""The sharpness-aware attack: its worst case by hand, and that it is the worst; one answer."""

import numpy as np
import pytest
import torch

from loki_bench.errors import InvalidAnswerError, ParameterError
from loki_bench_attacks.revadv import UnrolledAttack, adversarial_loss
from loki_bench_attacks.sharpap import SharpnessAwareAttack, worst_case

# scores of three users for two items: (1, 0), (0, 2), (1, 2); the target is item 1
USERS = torch.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 2.0]])
EVERYBODY, TARGET = torch.tensor([0, 1, 2]), torch.tensor([1, 1, 1])


def test_the_worst_case_of_three_users_by_the_formula():
    users, items = USERS.numpy().astype(np.float64), np.eye(2)
    chances = np.exp(users @ items.T)
    chances /= chances.sum(axis=1, keepdims=True)
    above = chances - [0, 1]  # d loss / d score
    slopes = above @ items, above.T @ users
    length = np.sqrt((users**2).sum() + (items**2).sum())
    steepness = np.sqrt(sum((slope**2).sum() for slope in slopes))
    found = worst_case(USERS, torch.eye(2), EVERYBODY, TARGET, radius=0.1)
    for moved, slope in zip(found, slopes, strict=True):
        np.testing.assert_allclose(moved, 0.1 * length / steepness * slope, rtol=1e-5)


def test_no_other_move_of_its_length_is_as_bad_for_the_attacker():
    def loss(of_users, of_items):
        moved = USERS + of_users, torch.eye(2) + of_items
        return float(adversarial_loss(*moved, EVERYBODY, TARGET))

    worst = worst_case(USERS, torch.eye(2), EVERYBODY, TARGET, radius=0.01)
    length = torch.cat([part.flatten() for part in worst]).norm()
    draws = torch.randn(200, 10, generator=torch.Generator().manual_seed(0))
    draws *= length / draws.norm(dim=1, keepdim=True)
    others = [loss(draw[:6].reshape(3, 2), draw[6:].reshape(2, 2)) for draw in draws]
    assert loss(*worst) > max(others)


def test_users_that_the_goal_does_not_name_stay_and_a_flat_loss_moves_nothing():
    of_users, _ = worst_case(USERS, torch.eye(2), torch.tensor([0]), torch.tensor([1]), radius=0.1)
    assert not of_users[1:].any()
    assert of_users[0].any()
    flat = worst_case(USERS, torch.eye(2)[:1], EVERYBODY, torch.tensor([0, 0, 0]), radius=0.1)
    assert not any(moved.any() for moved in flat)


def _crowds(view_of):
    random = np.random.default_rng(1)
    rows = [random.choice(20, 8, replace=False) + 20 * (user % 2) for user in range(60)]
    return view_of(
        rows, n_items=42, targets=[41], users=[0, 2, 4], n_fake_users=6, n_actions=9, seed=3
    )


def test_fillers_are_the_items_of_the_target_users_own_crowd(view_of):
    poison = SharpnessAwareAttack(candidate_share=1.0).poison(_crowds(view_of))
    fillers = np.concatenate([row[row != 41] for row in poison])
    assert (fillers < 20).mean() > 0.9


def test_a_ball_of_radius_zero_is_the_unrolled_attack(view_of):
    view = _crowds(view_of)
    plain, none = UnrolledAttack().poison(view), SharpnessAwareAttack(radius=0.0).poison(view)
    assert [row.tolist() for row in none] == [row.tolist() for row in plain]
    wide = SharpnessAwareAttack(radius=0.2).poison(view)
    assert [row.tolist() for row in wide] != [row.tolist() for row in plain]


def test_a_ball_that_is_too_wide_for_numbers_is_refused(view_of):
    with pytest.raises(InvalidAnswerError, match=r"attacker 'sharpap'.*smaller radius"):
        SharpnessAwareAttack(radius=1e30, n_steps=2).poison(_crowds(view_of))


@pytest.mark.parametrize("wrong", [{"radius": -0.1}, {"radius": float("nan")}, {"n_steps": 0}])
def test_values_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ParameterError, match="attacker 'sharpap'"):
        SharpnessAwareAttack(**wrong)
