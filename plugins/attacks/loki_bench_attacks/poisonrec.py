"""A policy that learns by the number of recommendations which items fake users should click."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from loki_bench.attackers.draws import lengths_of
from loki_bench.attackers.promoted_items import other_items, promoted_items
from loki_bench.contracts import Attacker, AttackerView
from loki_bench.errors import InvalidAnswerError
from loki_bench.interactions import Sequences
from loki_bench.parameters import require_count, require_number
from loki_bench.seeds import generator_for, seed_for
from loki_bench_attacks.click_policy import ClickPolicy, clipped_objective, standardised
from loki_bench_attacks.covisit_simulator import CovisitSimulator
from loki_bench_attacks.implicit_factors import ImplicitFactorisation
from loki_bench_attacks.target_pairs import target_pairs

__all__ = ["PoisonRec", "recommendations"]

_WHO = "attacker 'poisonrec'"


class PoisonRec(Attacker):
    """After Song et al. (2020): policy gradient on counted recommendations.

    A policy samples whole attacks; a recommender learns each of them, and the reward is how often
    the items to lift are then recommended (:func:`recommendations`). The policy is improved by the
    clipped objective of PPO, and an action is two choices as at the root of the paper's biased
    tree: an item to lift or another one, then which. In the paper the reward is counted on the
    system itself. This benchmark's oracle answers for the clean victim alone, so the attack counts
    on a recommender of its own, by co-visitation, one of those that the paper attacks
    (:mod:`.covisit_simulator`). Also ours: the policy remembers no clicks (the paper's has an
    LSTM) and chooses by inner products with fixed factors of the items (:mod:`.click_policy`),
    lists are counted at four lengths, since no short one shows a target at first, and of all
    sampled attacks the best one is written.

    Parameters
    ----------
    n_iterations : int, at least 0
    n_episodes : int, at least 2
        Attacks sampled in each iteration.
    learning_rate : float, above 0
    """

    def __init__(
        self, *, n_iterations: int = 60, n_episodes: int = 16, learning_rate: float = 0.1
    ) -> None:
        self._n_iterations = require_count(_WHO, "n_iterations", n_iterations, least=0)
        self._n_episodes = require_count(_WHO, "n_episodes", n_episodes, least=2)
        self._learning_rate = require_number(_WHO, "learning_rate", learning_rate, above=0)

    def poison(self, view: AttackerView) -> Sequences:
        """Use the whole budget; see ``Attacker.poison``."""
        promoted = promoted_items(view)
        others = other_items(view, promoted)
        target_pairs(view, promoted, who=_WHO)  # refuses a goal that is met already
        lengths = lengths_of(view.budget)
        if not len(lengths):
            return Sequences.empty()
        if not len(others):
            return Sequences.of([np.resize(promoted, n) for n in lengths.tolist()])
        generator = torch.Generator().manual_seed(seed_for(view.seed, "poisonrec"))
        system = CovisitSimulator(
            view.history, view.goal.users, repeats_are_shown=view.repeats == "allow"
        )
        policy = ClickPolicy(
            _item_factors(view), promoted, others, n_fakes=len(lengths), generator=generator
        )
        optimiser = torch.optim.Adam(policy.parameters, lr=self._learning_rate)
        is_event = torch.from_numpy(np.arange(int(lengths.max())) < lengths[:, None])
        best, most = None, -np.inf
        for _ in range(self._n_iterations + 1):
            episodes = policy.sample(self._n_episodes, is_event.shape[1])
            rewards = np.array(
                [
                    recommendations(
                        system.ranks(_clicks(items, lengths, view.history.n_items), promoted)
                    )
                    for items in policy.items_of(episodes)
                ]
            )
            if rewards.max() > most:
                most, best = float(rewards.max()), policy.items_of(episodes)[rewards.argmax()]
            advantages = standardised(torch.from_numpy(rewards))
            before = policy.log_probabilities(episodes).detach()
            for _ in range(3):
                optimiser.zero_grad()
                ratio = (policy.log_probabilities(episodes) - before).exp()
                gain = clipped_objective(ratio, advantages[:, None, None])
                loss = -(gain * is_event).sum() / is_event.sum() / self._n_episodes
                torch.autograd.backward(loss)
                self._step(optimiser)
            if not policy.is_finite:
                raise self._diverged()
        assert best is not None  # noqa: S101  # for the type checker
        shuffled = generator_for(view.seed, "poisonrec/order")
        return Sequences.of(
            _lifting(row[:n], promoted, shuffled)
            for row, n in zip(best, lengths.tolist(), strict=True)
        )

    def _step(self, optimiser: torch.optim.Adam) -> None:
        try:
            optimiser.step()
        except RuntimeError as error:  # torch's, of a step that is no float32
            raise self._diverged() from error

    def _diverged(self) -> InvalidAnswerError:
        return InvalidAnswerError(
            f"{_WHO}: the policy diverged with learning_rate {self._learning_rate!r}, what it "
            "clicks by is not finite; give a smaller one"
        )


def recommendations(ranks: NDArray[np.float64]) -> float:
    """Share of (user, item) pairs whose item is recommended, mean over lists of 10, 20, 50, 100."""
    known = ranks[~np.isnan(ranks)]
    return float(np.mean([(known <= length).mean() for length in (10, 20, 50, 100)]))


def _item_factors(view: AttackerView) -> Tensor:
    """What the policy knows items by, of unit length on average."""
    model = ImplicitFactorisation(view.history)
    none = torch.zeros(0, view.history.n_items)
    start = model.start(0, seed=seed_for(view.seed, "poisonrec/factors"))
    items = model.sweeps(start, none, 8).items
    scaled: Tensor = items / items.norm(dim=1).mean().clamp_min(1e-6)
    return scaled


def _clicks(
    items: NDArray[np.int32], lengths: NDArray[np.int64], n_items: int
) -> NDArray[np.float64]:
    clicks = np.zeros((len(items), n_items))
    is_event = np.arange(items.shape[1]) < lengths[:, None]
    rows, places = np.nonzero(is_event)
    clicks[rows, items[rows, places]] = 1.0
    return clicks


def _lifting(
    row: NDArray[np.int32], promoted: NDArray[np.int32], generator: np.random.Generator
) -> NDArray[np.int32]:
    """The row with others and items to lift in turn as far as they go: neighbours count."""
    is_lifted = np.isin(row, promoted)
    others, lifted = row[~is_lifted], generator.permutation(row[is_lifted])
    n = min(len(others), len(lifted))
    pairs = np.stack([others[:n], lifted[:n]], axis=1).reshape(-1)
    return np.concatenate([pairs, others[n:], lifted[n:]])
