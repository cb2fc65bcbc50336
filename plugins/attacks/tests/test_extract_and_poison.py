"""Extraction from counted answers, and adversarial items in a world with one right answer."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from loki_bench.contracts import ids
from loki_bench.errors import InvalidAnswerError, ParameterError, RejectedError
from loki_bench_attacks.distilled_model import DistilledModel
from loki_bench_attacks.extract_and_poison import (
    ExtractAndPoison,
    adversarial_items,
    extracted,
    questions,
)

N_ITEMS = 30


class Cycle:
    """A victim that shows what comes after the last item on a circle, and counts."""

    def __init__(self, n_left):
        self.n_left, self.asked = n_left, []

    def top_k_of(self, items):
        assert self.n_left > 0
        self.n_left -= 1
        self.asked.append(items.tolist())
        return ((items[-1] + np.arange(1, 6)) % N_ITEMS).astype(np.int32)


def test_all_queries_are_used_and_sequences_grow_by_what_was_shown():
    victim = Cycle(25)
    answers = questions(victim, [ids([3, 4]), ids([8])], N_ITEMS, np.random.default_rng(0))
    assert victim.n_left == 0
    assert len(answers) == 25
    assert victim.asked[:2] == [[3, 4], [8]]
    for before, after in pairwise(answers[2:12]):
        assert after.history[:-1].tolist() == before.history.tolist()
        assert after.history[-1] in before.shown


def test_fewer_queries_than_target_users_are_no_problem():
    assert len(questions(Cycle(1), [ids([3]), ids([8])], N_ITEMS, np.random.default_rng(0))) == 1
    assert questions(Cycle(0), [ids([3])], N_ITEMS, np.random.default_rng(0)) == []


def test_the_imitation_gives_the_victims_lists():
    generator = np.random.default_rng(0)
    answers = questions(Cycle(200), [], N_ITEMS, generator)
    start = 0.1 * torch.randn((N_ITEMS, 16), generator=torch.Generator().manual_seed(0))
    model = extracted(start, answers, n_epochs=150, generator=generator)
    hits = []
    for item in range(N_ITEMS):
        with torch.no_grad():
            scores = model.scores_after(model.weights_of([ids([item])]))[0]
            top = scores.topk(6).indices.tolist()
        hits.append(len({(item + ahead) % N_ITEMS for ahead in range(1, 6)} & set(top)) / 5)
    assert np.mean(hits) > 0.6  # by chance: 0.2


def test_the_item_that_makes_a_target_likely_is_found():
    # two axes: after an item of one axis that axis is likely; the target lies on the second one
    vectors = torch.tensor([[1.0, 0], [0.9, 0.1], [0, 1], [0.1, 0.9], [0, 1.1]])
    found = adversarial_items(
        DistilledModel(vectors),
        ids([0]),
        ids([4]),
        ids([0, 1, 2, 3]),
        step=4.0,
        n_nearest=2,
        generator=np.random.default_rng(0),
    )
    assert set(found.tolist()) <= {2, 3}


def test_a_step_that_leads_out_of_the_finite_numbers_is_refused():
    with pytest.raises(InvalidAnswerError, match=r"step is 1e\+300, which leads out"):
        adversarial_items(
            DistilledModel(torch.tensor([[1.0, 0], [0.9, 0.1], [0, 1]])),
            ids([0]),
            ids([2]),
            ids([0, 1]),
            step=1e300,
            n_nearest=1,
            generator=np.random.default_rng(0),
        )


def test_no_query_beyond_the_granted_ones_and_every_other_event_is_a_target(view_of):
    rows = [[i % 20, (i + 1) % 20, (i + 2) % 20] for i in range(20)]
    victim = Cycle(15)
    view = view_of(rows, n_items=N_ITEMS, targets=[29], users=[0, 3], n_actions=6, oracle=victim)
    poison = ExtractAndPoison(n_epochs=2).poison(view)
    assert victim.n_left == 0
    assert all(set(row[1::2].tolist()) == {29} for row in poison)
    assert all(29 not in row[::2] for row in poison)


@pytest.mark.parametrize("n_actions", [5, 6])
def test_an_adversarial_item_stands_before_the_target_that_it_was_found_for(
    view_of, monkeypatch, n_actions
):
    served = []

    def found(model, history, targets, candidates, **drawn):
        served.append(history.tolist())
        return targets - 10  # it tells which target it is for

    monkeypatch.setattr("loki_bench_attacks.extract_and_poison.adversarial_items", found)
    rows = [[i % 20, (i + 1) % 20, (i + 2) % 20] for i in range(20)]
    orders = set()
    for seed in range(6):
        served.clear()
        view = view_of(
            rows,
            n_items=N_ITEMS,
            targets=[27, 28, 29],
            users=[0, 3, 5],
            n_fake_users=2,
            n_actions=n_actions,
            oracle=Cycle(15),
            seed=seed,
        )
        for row in ExtractAndPoison(n_epochs=1).poison(view):
            n_pairs = len(row) // 2
            assert (row[0 : 2 * n_pairs : 2] == row[1 : 2 * n_pairs : 2] - 10).all()
        # the next history for the next fake user, from a random one on
        numbers = [[rows[user] for user in (0, 3, 5)].index(history) for history in served]
        assert numbers[1] == (numbers[0] + 1) % 3
        orders.add(numbers[0])
    assert len(orders) > 1


def test_without_an_oracle_it_refuses(view_of):
    with pytest.raises(RejectedError, match="was granted no queries"):
        ExtractAndPoison().poison(view_of([[0]], n_items=3, targets=[2], users=[0]))


@pytest.mark.parametrize("wrong", [{"start": "x"}, {"n_epochs": 0}, {"step": 0.0}])
def test_values_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ParameterError, match="attacker 'extract-and-poison'"):
        ExtractAndPoison(**wrong)
