"""The unrolled attack: its loss by hand, its gradient by retraining, a world with one answer."""

import numpy as np
import pytest
import torch

from loki_bench.errors import ParameterError
from loki_bench_attacks.implicit_factors import ImplicitFactorisation
from loki_bench_attacks.revadv import UnrolledAttack, adversarial_loss


def test_the_loss_of_three_users_by_hand():
    # scores of three users for two items: (1, 0), (0, 2), (1, 2); the target is item 1
    users = torch.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 2.0]])
    loss = adversarial_loss(users, torch.eye(2), torch.tensor([0, 1, 2]), torch.tensor([1, 1, 1]))
    # log(e + 1) - 0, log(1 + e^2) - 2, log(e + e^2) - 2
    assert float(loss) == pytest.approx(1.3132617 + 0.1269280 + 0.3132617, rel=1e-6)


def test_the_unrolled_gradient_is_the_slope_of_training_again(view_of):
    history = view_of([[0, 1], [1, 2], [0, 3]], n_items=5, targets=[4], users=[0]).history
    model = ImplicitFactorisation(history, n_factors=3)
    users, items = torch.tensor([0, 1]), torch.tensor([4, 4])

    def loss_of(clicks):
        trained = model.sweeps(model.start(1, seed=2), clicks, 4)
        return adversarial_loss(trained.users, trained.items, users, items)

    clicks = torch.tensor([[0.5, 0.3, 0.0, 0.0, 1.0]], requires_grad=True)
    (slope,) = torch.autograd.grad(loss_of(clicks), clicks)
    width = 1e-2
    for item in (0, 1):
        away = torch.zeros(1, 5)
        away[0, item] = width
        with torch.no_grad():
            measured = (loss_of(clicks + away) - loss_of(clicks - away)) / (2 * width)
        assert float(slope[0, item]) == pytest.approx(float(measured), rel=0.05, abs=1e-3)


def test_fillers_are_the_items_of_the_target_users_own_crowd(view_of):
    random = np.random.default_rng(1)
    rows = [random.choice(20, 8, replace=False) + 20 * (user % 2) for user in range(60)]
    view = view_of(
        rows, n_items=42, targets=[41], users=[0, 2, 4], n_fake_users=6, n_actions=9, seed=3
    )
    poison = UnrolledAttack(candidate_share=1.0).poison(view)
    fillers = np.concatenate([row[row != 41] for row in poison])
    assert (fillers < 20).mean() > 0.9


@pytest.mark.parametrize("wrong", [{"n_steps": 0}, {"n_unrolled": 11}, {"step": 0.0}])
def test_values_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ParameterError, match="attacker 'revadv'"):
        UnrolledAttack(**wrong)
