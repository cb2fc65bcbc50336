"""Projection and ascent of relaxed clicks."""

import numpy as np
import pytest
import torch

from loki_bench.contracts import ids
from loki_bench.errors import InvalidAnswerError
from loki_bench_attacks.filler_ascent import ascended, projected, relaxed_clicks


def test_what_fits_stays_and_what_is_too_much_is_cut_by_hand():
    # 0.9 + 0.5 + 0.4 = 1.8: less t = 0.8 / 3 each adds up to 1
    rows = torch.tensor([[0.3, -0.2, 1.4], [0.9, 0.5, 0.4]])
    found = projected(rows, [2.0, 1.0])
    np.testing.assert_allclose(found[0], [0.3, 0.0, 1.0], atol=1e-6)
    np.testing.assert_allclose(found[1], [0.63333, 0.23333, 0.13333], atol=1e-4)


def test_a_projection_is_nearer_than_any_other_allowed_row():
    random = np.random.default_rng(0)
    row = random.normal(0.4, 0.5, 6)
    found = projected(torch.tensor(row[None]), [1.5])[0].numpy()
    assert found.sum() <= 1.5 + 1e-6
    others = random.random((5000, 6))
    others = others[others.sum(axis=1) <= 1.5]
    assert np.linalg.norm(found - row) <= np.linalg.norm(others - row, axis=1).min() + 1e-6


def test_ascent_ends_at_the_items_with_the_largest_gradient_and_leaves_targets_alone(view_of):
    view = view_of([[0]], n_items=8, targets=[7], users=[0], n_fake_users=2, n_actions=4)
    random = np.random.default_rng(0)
    relaxed = relaxed_clicks(view, ids([7]), ids(range(7)), candidate_share=1.0, generator=random)
    slope = torch.tensor([0, 3, 1, 0, 2, -1, 0, 99.0]).repeat(2, 1)
    done = ascended(relaxed, lambda clicks: slope, n_steps=20, step=0.3, who="test")
    assert [sorted(own.tolist()) for own in done.chosen()] == [[1, 4], [1, 4]]
    assert done.clicks[:, 7].tolist() == [1, 1]
    np.testing.assert_allclose(done.clicks[:, :7].sum(dim=1), 2, atol=1e-3)


@pytest.mark.parametrize(
    ("slope", "step"),
    [([1.0, 2.0, 3.0, 4.0], 1e39), ([1.0, 2.0, float("nan"), 4.0], 0.3)],
)
def test_an_ascent_that_leaves_the_finite_numbers_chooses_no_fillers(view_of, slope, step):
    view = view_of([[0]], n_items=5, targets=[4], users=[0], n_fake_users=1, n_actions=4)
    random = np.random.default_rng(0)
    relaxed = relaxed_clicks(view, ids([4]), ids(range(4)), candidate_share=1.0, generator=random)
    uphill = torch.tensor([[*slope, 0.0]])
    with pytest.raises(InvalidAnswerError, match=r"test: the ascent .* in step 1 of 5; give"):
        ascended(relaxed, lambda clicks: uphill, n_steps=5, step=step, who="test")


def test_a_step_that_is_huge_and_still_a_number_takes_the_largest_gradients(view_of):
    view = view_of([[0]], n_items=6, targets=[5], users=[0], n_fake_users=1, n_actions=4)
    random = np.random.default_rng(0)
    relaxed = relaxed_clicks(view, ids([5]), ids(range(5)), candidate_share=1.0, generator=random)
    uphill = torch.tensor([[1.0, 2.0, 8.0, 4.0, -1.0, 0.0]])
    done = ascended(relaxed, lambda clicks: uphill, n_steps=5, step=1e30, who="test")
    assert done.chosen()[0][0] == 2


def test_each_fake_user_chooses_among_a_draw_of_its_own(view_of):
    view = view_of([[0]], n_items=100, targets=[99], users=[0], n_fake_users=3, n_actions=4)
    random = np.random.default_rng(0)
    relaxed = relaxed_clicks(view, ids([99]), ids(range(99)), candidate_share=0.1, generator=random)
    drawn = [tuple(np.flatnonzero(row).tolist()) for row in relaxed.is_free]
    assert [len(own) for own in drawn] == [10, 10, 10]
    assert len(set(drawn)) == 3
