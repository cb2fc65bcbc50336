"""The losses of samples around a model's parameters, and products with their Jacobian.

A model may know a cheaper way (``linearised_losses``); any other is differentiated automatically.
Forward mode finds the derivatives along a direction in one pass beside the losses, about half the
cost of two backward passes; a model that calls an operation without a forward rule is
differentiated backwards twice.
"""

from functools import cached_property

import torch
from torch import Tensor
from torch.autograd import forward_ad

from loki_bench.contracts import DifferentiableRecommender, LinearisedLosses, TrainingSamples

__all__ = ["AutomaticLosses", "linearised"]


def linearised(
    model: DifferentiableRecommender, samples: TrainingSamples, *, keep: bool
) -> LinearisedLosses:
    """The losses of the samples around the model's parameters.

    Parameters
    ----------
    model : DifferentiableRecommender
    samples : TrainingSamples
    keep : bool
        As for ``DifferentiableRecommender.linearised_losses``.
    """
    own = model.linearised_losses(samples, keep=keep) if len(samples) else None
    return AutomaticLosses(model, samples) if own is None else own


class AutomaticLosses:
    """The losses of any differentiable model; see ``LinearisedLosses``.

    Parameters
    ----------
    model : DifferentiableRecommender
        Its parameters are as they were after each call.
    samples : TrainingSamples
    """

    def __init__(self, model: DifferentiableRecommender, samples: TrainingSamples) -> None:
        self._model, self._samples = model, samples
        self._parameters = model.parameters()

    @cached_property
    def _losses(self) -> Tensor:
        return self._model.sample_loss(self._samples)

    @property
    def values(self) -> Tensor:
        return self._losses.detach()

    def jvp(self, direction: list[Tensor]) -> Tensor:
        try:
            return self._forwards(direction)
        except NotImplementedError:
            return self._backwards_twice(direction)
        finally:
            self._forget_graph()

    def vjp(self, cotangent: Tensor) -> list[Tensor]:
        return list(
            torch.autograd.grad(
                self._losses, self._parameters, cotangent, retain_graph=True, materialize_grads=True
            )
        )

    def _forget_graph(self) -> None:
        """Forward mode writes into the parameters, which a graph made before does not allow."""
        self.__dict__.pop("_losses", None)

    def _forwards(self, direction: list[Tensor]) -> Tensor:
        with torch.no_grad(), forward_ad.dual_level():
            for parameter, along in zip(self._parameters, direction, strict=True):
                # written into the model's own tensor, which then carries the tangent
                kept = parameter.detach().clone()
                parameter.copy_(
                    forward_ad.make_dual(kept, along)  # type: ignore[no-untyped-call]  # torch's own
                )
            losses, moved = forward_ad.unpack_dual(  # type: ignore[no-untyped-call]  # torch's own
                self._model.sample_loss(self._samples)
            )
            return torch.zeros_like(losses) if moved is None else moved.clone()

    def _backwards_twice(self, direction: list[Tensor]) -> Tensor:
        """By differentiating the product of a cotangent and the Jacobian in the cotangent."""
        losses = self._model.sample_loss(self._samples)
        cotangent = torch.zeros_like(losses, requires_grad=True)
        gradients = torch.autograd.grad(
            losses, self._parameters, cotangent, create_graph=True, allow_unused=True
        )
        along = sum(
            ((g * v).sum() for g, v in zip(gradients, direction, strict=True) if g is not None),
            start=torch.zeros((), dtype=losses.dtype, device=losses.device),
        )
        (moved,) = torch.autograd.grad(along, cotangent)
        return moved
