"""Training against noise: against autograd in float64, by hand, and what it is for."""

import numpy as np
import pytest
import torch

from loki_bench.contracts import AdversarialNoise
from loki_bench.errors import ParameterError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.testing.planted import two_groups
from loki_bench_recbole.adversarial_factors import adversarial_epoch
from loki_bench_recbole.adversarial_fit import moved, typical_length
from loki_bench_recbole.adversarial_sequences import under_noise
from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.samples import SampleSource

RATE, L2, WEIGHT = np.float32(0.1), np.float32(0.05), np.float32(0.7)


@pytest.mark.parametrize("n_terms", [1, 2])
def test_a_compiled_step_follows_the_gradient_of_both_losses(n_terms):
    generator = np.random.default_rng(3)
    tables = tuple(generator.normal(size=(3, 4)).astype(np.float32) for _ in range(2 * n_terms))
    radii = generator.uniform(0.1, 0.9, (1, 2 * n_terms)).astype(np.float32)
    sums = tuple(np.ones(3, np.float32) for _ in tables)
    row, liked, other = 1, 2, 0
    leaves = [torch.from_numpy(t.astype(np.float64)).requires_grad_() for t in tables]

    def loss(rows):
        x = sum((r * (p - n)).sum() for r, p, n in rows)
        return torch.nn.functional.softplus(-x)

    picked = [
        (leaves[2 * k][row], leaves[2 * k + 1][liked], leaves[2 * k + 1][other])
        for k in range(n_terms)
    ]
    at = [[v.detach().clone().requires_grad_() for v in three] for three in picked]
    loss(at).backward()
    radius = radii[0].astype(np.float64)
    away = [
        [
            v + radius[2 * k + (place > 0)] * a.grad / a.grad.norm()
            for place, (v, a) in enumerate(zip(three, here, strict=True))
        ]
        for k, (three, here) in enumerate(zip(picked, at, strict=True))
    ]
    squares = sum(v.square().sum() for three in picked for v in three)
    (loss(picked) + float(WEIGHT) * loss(away) + float(L2) / 2 * squares).backward()

    before = [table.copy() for table in tables]
    one = [np.array([n], np.int32) for n in (row, liked, other)]
    found = adversarial_epoch(
        (one[0],) * n_terms, one[1], one[2], tables, sums, RATE, L2, radii, WEIGHT
    )
    assert found == pytest.approx(loss(picked).item(), rel=1e-6)
    for old, new, total, leaf in zip(before, tables, sums, leaves, strict=True):
        gradient = leaf.grad.numpy()
        np.testing.assert_allclose(
            (old - new) * np.sqrt(total)[:, None] / RATE, gradient, atol=5e-6
        )
        np.testing.assert_allclose(total - 1, np.square(gradient).mean(1), atol=2e-6)


def test_vectors_move_by_their_radius_and_stay_where_nothing_is_uphill():
    vectors = torch.tensor([[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]])
    uphill = torch.tensor([[3.0, 4.0], [0.0, -1e-9], [0.0, 0.0]])
    found = moved(vectors, uphill, torch.tensor([10.0, 1.0, 1.0]))
    torch.testing.assert_close(found, torch.tensor([[7.0, 8.0], [0.0, 1.0], [5.0, 5.0]]))
    assert typical_length(np.array([[3.0, 4.0], [0.0, 1.0]], np.float32)) == pytest.approx(13**0.5)


def test_the_second_loss_of_a_sequence_model_is_that_of_the_moved_vectors():
    train = _interactions([[0, 1], [1, 0]], n_items=3)
    noise = AdversarialNoise(radius=0.5, weight=2.0, of_users=np.array([1.0, 0.0]))
    source = SampleSource.of(train, from_first=False).against(noise)
    items = torch.tensor([[3.0, 4.0], [0.0, 5.0]])  # both of length 5: a radius of 2.5

    def loss(vectors, *_others):
        return (vectors * torch.tensor([0.0, 1.0])).sum()  # upward is the second coordinate

    both = under_noise(loss, items, source)
    vectors = items[torch.tensor([[0], [1]])].requires_grad_()
    generator = torch.Generator()
    found = both(vectors, torch.tensor([0, 1]), None, None, None, generator, None)
    # 4 + 5, and twice as much with the first user's vector 2.5 further up
    assert found.item() == pytest.approx(9 + 2 * 11.5)
    found.backward()
    torch.testing.assert_close(vectors.grad, torch.tensor([[[0.0, 3.0]], [[0.0, 3.0]]]))


def test_a_model_that_was_trained_against_noise_stands_more_of_it():
    train, radius = two_groups().train, 0.3
    plain = BPRMF(embedding_size=8, epochs=20).fit(train, validation=None, seed=1)
    hardened = BPRMF(embedding_size=8, epochs=20).fit_adversarial(
        train, validation=None, seed=1, noise=AdversarialNoise(radius=radius, weight=1.0)
    )

    def right_in_the_worst_case(model):
        users, items = (table.detach().numpy() for table in model.parameters())
        samples = model.training_samples(train, seed=2)
        of_user = users[samples.users]
        between = items[samples.positives] - items[samples.negatives]
        x = (of_user * between).sum(1)
        a, b = radius * typical_length(users), radius * typical_length(items)
        row, pair = np.linalg.norm(of_user, axis=1), np.linalg.norm(between, axis=1)
        moved_row = of_user - a * between / pair[:, None]
        moved_pair = between - 2 * b * of_user / row[:, None]
        assert (x > 0).mean() > 0.9
        return ((moved_row * moved_pair).sum(1) > 0).mean()

    assert right_in_the_worst_case(hardened) > right_in_the_worst_case(plain) + 0.15


@pytest.mark.parametrize("trainer", ["torch", "lbfgs"])
def test_a_trainer_that_knows_no_noise_says_so(trainer):
    noise = AdversarialNoise(radius=0.5, weight=1.0)
    with pytest.raises(ParameterError, match=f"trainer '{trainer}' knows no noise"):
        BPRMF(trainer=trainer).fit_adversarial(_two_users(), validation=None, seed=1, noise=noise)


def test_noise_for_other_users_is_refused():
    noise = AdversarialNoise(radius=0.5, weight=1.0, of_users=np.ones(3))
    with pytest.raises(ParameterError, match="noise for 3 users, and there are 2"):
        BPRMF().fit_adversarial(_two_users(), validation=None, seed=1, noise=noise)


def _two_users():
    return _interactions([[0, 1], [1, 0]], n_items=2)


def _interactions(rows, *, n_items):
    sequences = Sequences.of(rows)
    return Interactions(sequences.offsets, sequences.items, n_items=n_items)
