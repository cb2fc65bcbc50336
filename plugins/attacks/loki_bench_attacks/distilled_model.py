"""A small sequential recommender that imitates another one's lists.

Scores are ``<h, e_i> + b_i``; the state ``h`` after a history is the sum of its items' vectors,
the one ``a`` places before the last with weight ``decay ** a``, through one matrix. It is
differentiable in the vectors of the history, which is all that an attack asks of it.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["DistilledModel", "ranking_loss"]


class DistilledModel:
    """The imitation.

    Parameters
    ----------
    items : float32 tensor of shape (n_items, d)
        Where the items' vectors start.
    decay : float, 0 to 1
    """

    def __init__(self, items: Tensor, *, decay: float = 0.7) -> None:
        n_items, d = items.shape
        self.vectors = items.clone().requires_grad_()
        self.biases = torch.zeros(n_items, requires_grad=True)
        self._mixing = torch.eye(d).requires_grad_()
        self._decay = decay

    @property
    def parameters(self) -> list[Tensor]:
        """What is learnt."""
        return [self.vectors, self.biases, self._mixing]

    def scores(self, vectors: Tensor) -> Tensor:
        """Scores of all items after a history, given its vectors: (n, d) to (n_items,)."""
        ages = torch.arange(len(vectors) - 1, -1, -1, dtype=vectors.dtype)
        state = (self._decay**ages) @ vectors @ self._mixing
        return state @ self.vectors.t() + self.biases

    def scores_after(self, weights: Tensor) -> Tensor:
        """Scores of all items after n histories, each given as :meth:`weights_of`: (n, n_items)."""
        return weights @ self.vectors @ self._mixing @ self.vectors.t() + self.biases

    def weights_of(self, histories: Sequence[NDArray[np.int32]]) -> Tensor:
        """How much each item counts in each history, float32 tensor of shape (n, n_items)."""
        weights = torch.zeros(len(histories), len(self.biases))
        for row, history in enumerate(histories):
            ages = np.arange(len(history) - 1, -1, -1)
            counted = torch.from_numpy((self._decay**ages).astype(np.float32))
            weights[row].index_add_(0, torch.from_numpy(history.astype(np.int64)), counted)
        return weights


def ranking_loss(
    scores: Tensor, shown: Tensor, others: Tensor, *, order_margin: float, other_margin: float
) -> Tensor:
    """The distance of an imitation from lists (Yue et al. 2021), added up over them.

    ``sum_i max(0, s[x_{i+1}] - s[x_i] + m1) + sum_i max(0, s[n_i] - s[x_i] + m2)`` over a list x,
    best first, and as many other items n.

    Parameters
    ----------
    scores : float tensor of shape (n, n_items)
    shown, others : int64 tensors of shape (n, k)
    """
    listed = scores.gather(1, shown)
    in_order = (listed[:, 1:] - listed[:, :-1] + order_margin).clamp_min(0).sum()
    above_others = (scores.gather(1, others) - listed + other_margin).clamp_min(0).sum()
    return in_order + above_others
