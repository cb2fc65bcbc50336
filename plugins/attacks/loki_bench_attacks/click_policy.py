"""The policy of a fake user: an item to lift or another one, then which.

Each fake user has a vector; an item is chosen among its kind by a softmax of inner products with
the items' fixed factors, so what is learnt of one item says something of those like it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["ClickPolicy", "Episodes", "clipped_objective", "standardised"]

_CLIP = 0.2
"""How far PPO lets a ratio of probabilities count; the paper of PPO's own."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Episodes:
    """Sampled attacks: tensors of shape (n_episodes, n_fakes, n_actions).

    ``is_lifted`` says which of the two kinds each action is, ``places`` which of its kind.
    """

    is_lifted: Tensor
    places: Tensor


class ClickPolicy:
    """Which items each fake user clicks.

    Parameters
    ----------
    factors : float32 tensor of shape (n_items, d)
    promoted, others : int32 arrays
        Items to lift, and all others that may be clicked; neither empty.
    n_fakes : int
    generator : torch Generator
    """

    def __init__(
        self,
        factors: Tensor,
        promoted: NDArray[np.int32],
        others: NDArray[np.int32],
        *,
        n_fakes: int,
        generator: torch.Generator,
    ) -> None:
        self._promoted, self._others = promoted, others
        self._factors = factors[torch.from_numpy(others.astype(np.int64))]
        self._generator = generator
        self._taste = torch.zeros(factors.shape[1], requires_grad=True)  # shared by all
        own = 0.1 * torch.randn((n_fakes, factors.shape[1]), generator=generator)
        self._own_taste = own.requires_grad_()
        self._lifting = torch.zeros(n_fakes, requires_grad=True)
        self._preference = torch.zeros((n_fakes, len(promoted)), requires_grad=True)

    @property
    def parameters(self) -> list[Tensor]:
        """What is learnt."""
        return [self._taste, self._own_taste, self._lifting, self._preference]

    @property
    def is_finite(self) -> bool:
        """Whether all that actions are drawn from is a number."""
        with torch.no_grad():
            drawn_from = (self._lifting, self._preference, self._logits())
            return all(bool(torch.isfinite(logits).all()) for logits in drawn_from)

    def sample(self, n_episodes: int, n_actions: int) -> Episodes:
        """Attacks drawn from the policy."""
        with torch.no_grad():
            lifting = torch.sigmoid(self._lifting)[None, :, None]
            n_fakes = len(self._lifting)
            drawn = torch.rand((n_episodes, n_fakes, n_actions), generator=self._generator)
            is_lifted = drawn < lifting
            of_kind = [
                torch.multinomial(
                    logits.softmax(dim=1),
                    n_episodes * n_actions,
                    replacement=True,
                    generator=self._generator,
                )
                .reshape(n_fakes, n_episodes, n_actions)
                .transpose(0, 1)
                for logits in (self._preference, self._logits())
            ]
        return Episodes(is_lifted=is_lifted, places=torch.where(is_lifted, of_kind[0], of_kind[1]))

    def log_probabilities(self, episodes: Episodes) -> Tensor:
        """Of each action, shaped like the actions, with gradients in :attr:`parameters`."""
        n_episodes, n_fakes, n_actions = episodes.places.shape
        lifted = torch.nn.functional.logsigmoid(self._lifting)[None, :, None]
        other = torch.nn.functional.logsigmoid(-self._lifting)[None, :, None]
        flat = episodes.places.transpose(0, 1).reshape(n_fakes, -1)
        chosen = [
            logits.log_softmax(dim=1)
            .gather(1, flat.clamp_max(logits.shape[1] - 1))
            .reshape(n_fakes, n_episodes, n_actions)
            .transpose(0, 1)
            for logits in (self._preference, self._logits())
        ]
        return torch.where(episodes.is_lifted, lifted + chosen[0], other + chosen[1])

    def items_of(self, episodes: Episodes) -> NDArray[np.int32]:
        """The items of each action, int32 array shaped like the actions."""
        places = episodes.places.numpy()
        is_lifted = episodes.is_lifted.numpy()
        items: NDArray[np.int32] = np.empty(places.shape, dtype=np.int32)
        items[is_lifted] = self._promoted[places[is_lifted]]
        items[~is_lifted] = self._others[places[~is_lifted]]
        return items

    def _logits(self) -> Tensor:
        return (self._taste + self._own_taste) @ self._factors.t()


def clipped_objective(ratio: Tensor, advantages: Tensor) -> Tensor:
    """PPO's ``min(r A, clip(r, 1 - eps, 1 + eps) A)`` of each action (Schulman et al. 2017)."""
    return torch.minimum(ratio * advantages, ratio.clamp(1 - _CLIP, 1 + _CLIP) * advantages)


def standardised(rewards: Tensor) -> Tensor:
    """Rewards less their mean, over their standard deviation; 0 where all are alike."""
    # by their ends: the standard deviation of equal numbers need not be 0 to the last bit
    if float(rewards.max()) == float(rewards.min()):
        return torch.zeros_like(rewards)
    return (rewards - rewards.mean()) / rewards.std(unbiased=False)
