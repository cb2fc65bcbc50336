"""Adam (Kingma and Ba, 2015) as torch computes it, by its function in place of its class."""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.adam import adam

__all__ = ["Adam"]


class Adam:
    """Steps of ``torch.optim.Adam`` at its defaults, to the bit.

    ``torch.optim.Optimizer`` imports torch's compiler at its first step. Nothing is compiled here,
    and each isolated attack, a process of its own, would wait a second for it.

    Parameters
    ----------
    parameters : iterable of Tensor
        What is stepped, in place.
    learning_rate : float
    """

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float) -> None:
        self._parameters = list(parameters)
        self._means = [torch.zeros_like(one) for one in self._parameters]
        self._squares = [torch.zeros_like(one) for one in self._parameters]
        self._n_steps = [torch.tensor(0.0) for _ in self._parameters]
        self._learning_rate = learning_rate

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for one in self._parameters:
            one.grad = None

    def step(self) -> None:
        """Move every parameter by its gradient; each must have one."""
        with torch.no_grad():
            adam(
                self._parameters,
                [one.grad for one in self._parameters if one.grad is not None],
                self._means,
                self._squares,
                [],
                self._n_steps,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=self._learning_rate,
                weight_decay=0.0,
                eps=1e-8,
                maximize=False,
            )
