"""Derivatives of a catalogue's cross-entropies around a network's weights, asked for many times.

A solver of influence multiplies with the same Jacobian dozens of times. Automatic differentiation
goes through the softmax of the whole catalogue anew each time, forwards and backwards; here its
shares are found once, and a product is one pass through the network and one matrix product.
"""

from collections.abc import Iterator
from functools import cached_property

import torch
from torch import Tensor

__all__ = ["CatalogueLosses"]

_BLOCK_SCORES = 2**20
"""Scores in one block, small enough for a core's caches."""

_KEPT_SCORES = 2**26
"""Shares that are kept at most, 256 MiB of them in float32; a solver keeps up to four such."""


class CatalogueLosses:
    """``log(1 + sum_i exp(<o_s, e_i>)) - <o_s, e_positive(s)>`` of samples, and its derivatives.

    The 1 is RecBole's padding item, whose score is 0. The item vectors e are the first of the
    parameters; the outputs o depend on all of them.

    Parameters
    ----------
    outputs : Tensor of shape (m, d), m above 0, with its graph
        What the network makes of each different sample's history.
    parameters : list of Tensor
        The network's; the first is that of the items, (n_items, d).
    positives : int64 Tensor of shape (m,)
        The item that came next.
    of : int64 Tensor of shape (n,)
        Which of the m each sample is: negatives play no part, so those that differ in nothing else
        are one.
    keep : bool
        Keep the softmax's shares, m x n_items numbers, where they are few enough.
    """

    def __init__(
        self,
        outputs: Tensor,
        parameters: list[Tensor],
        positives: Tensor,
        of: Tensor,
        *,
        keep: bool,
    ) -> None:
        self._outputs, self._parameters, self._positives = outputs, parameters, positives
        self._of = of
        # the cotangent of the outputs, in which the pulled-back gradients are linear: their own
        # derivative along it is the forward one
        self._cotangent = torch.zeros_like(outputs, requires_grad=True)
        self._pulled = torch.autograd.grad(
            outputs, parameters, self._cotangent, create_graph=True, allow_unused=True
        )
        self._states, self._items = outputs.detach(), parameters[0].detach().clone()
        few = len(self._states) * len(self._items) <= _KEPT_SCORES
        self._kept = [self._softmax(rows) for rows in self._rows()] if keep and few else None

    @cached_property
    def values(self) -> Tensor:
        """The losses, shape (n,), detached."""
        return torch.cat([losses for _, _, losses in self._blocks()])[self._of]

    def jvp(self, direction: list[Tensor]) -> Tensor:
        """The derivative of each loss along a direction shaped like the parameters, shape (n,)."""
        along = sum(
            ((g * v).sum() for g, v in zip(self._pulled, direction, strict=True) if g is not None),
            start=self._cotangent.new_zeros(()),
        )
        (moved,) = torch.autograd.grad(along, self._cotangent, retain_graph=True)
        turned, found = direction[0], torch.empty_like(self._states[:, 0])
        for rows, shares, _ in self._blocks():
            pulls = self._pull(rows, shares) if self._kept is None else self._pulls[rows]
            pushes = shares @ turned - turned[self._positives[rows]]
            found[rows] = (moved[rows] * pulls).sum(1) + (self._states[rows] * pushes).sum(1)
        return found[self._of]

    def vjp(self, cotangent: Tensor) -> list[Tensor]:
        """The gradient of ``sum_s cotangent_s loss_s``, shaped like the parameters."""
        cotangent = torch.zeros_like(self._states[:, 0]).index_add_(0, self._of, cotangent)
        pulls = self._pulls * cotangent[:, None]
        gradients = list(
            torch.autograd.grad(
                self._outputs, self._parameters, pulls, retain_graph=True, materialize_grads=True
            )
        )
        weighted = self._states * cotangent[:, None]
        items = torch.zeros_like(self._items).index_add_(0, self._positives, weighted, alpha=-1)
        for rows, shares, _ in self._blocks():
            items.addmm_(shares.T, weighted[rows])
        gradients[0] = gradients[0] + items
        return gradients

    @cached_property
    def _pulls(self) -> Tensor:
        """The derivative of each loss in its output, shape (m, d)."""
        return torch.cat([self._pull(rows, shares) for rows, shares, _ in self._blocks()])

    def _pull(self, rows: slice, shares: Tensor) -> Tensor:
        return shares @ self._items - self._items[self._positives[rows]]

    def _rows(self) -> Iterator[slice]:
        block = max(1, _BLOCK_SCORES // len(self._items))
        for start in range(0, len(self._states), block):
            yield slice(start, start + block)

    def _blocks(self) -> Iterator[tuple[slice, Tensor, Tensor]]:
        if self._kept is not None:
            yield from self._kept
            return
        for rows in self._rows():
            yield self._softmax(rows)

    def _softmax(self, rows: slice) -> tuple[slice, Tensor, Tensor]:
        """Rows of the samples, their shares of shape (rows, n_items) and their losses.

        What a row of shares lacks to 1 is padding's.
        """
        states = self._states[rows]
        shares = states @ self._items.T
        highest = shares.amax(1, keepdim=True).clamp_(min=0)
        shares.sub_(highest).exp_()
        mass = shares.sum(1, keepdim=True).add_(torch.exp(-highest))
        own = (states * self._items[self._positives[rows]]).sum(1)
        # rounding may put the loss of a certain sample below 0
        losses = ((mass.log() + highest)[:, 0] - own).clamp_(min=0)
        return rows, shares.div_(mass), losses
