"""The derivative of every sample's loss along a direction, for any differentiable recommender.

Forward mode finds it in one pass beside the losses, about half the cost of two backward passes; a
model that calls an operation without a forward rule is differentiated backwards twice.
"""

import torch
from torch import Tensor
from torch.autograd import forward_ad

from loki_bench.contracts import DifferentiableRecommender, TrainingSamples

__all__ = ["losses_along"]


def losses_along(
    model: DifferentiableRecommender,
    parameters: list[Tensor],
    direction: list[Tensor],
    samples: TrainingSamples,
) -> tuple[Tensor, Tensor]:
    """The losses of the samples and their derivatives along ``direction``, both (n,), detached.

    Parameters
    ----------
    model : DifferentiableRecommender
    parameters : list of Tensor
        The model's; as they were when it returns.
    direction : list of Tensor
        Shaped like the parameters.
    samples : TrainingSamples
    """
    try:
        with torch.no_grad(), forward_ad.dual_level():
            for parameter, along in zip(parameters, direction, strict=True):
                # written into the model's own tensor, which then carries the tangent
                kept = parameter.detach().clone()
                parameter.copy_(
                    forward_ad.make_dual(kept, along)  # type: ignore[no-untyped-call]  # torch's own
                )
            losses, moved = forward_ad.unpack_dual(  # type: ignore[no-untyped-call]  # torch's own
                model.sample_loss(samples)
            )
            return losses.clone(), torch.zeros_like(losses) if moved is None else moved.clone()
    except NotImplementedError:
        return _backward_twice(model, parameters, direction, samples)


def _backward_twice(
    model: DifferentiableRecommender,
    parameters: list[Tensor],
    direction: list[Tensor],
    samples: TrainingSamples,
) -> tuple[Tensor, Tensor]:
    """By differentiating the product of a cotangent and the Jacobian in the cotangent."""
    losses = model.sample_loss(samples)
    cotangent = torch.zeros_like(losses, requires_grad=True)
    gradients = torch.autograd.grad(
        losses, parameters, cotangent, create_graph=True, allow_unused=True
    )
    along = sum(
        ((g * v).sum() for g, v in zip(gradients, direction, strict=True) if g is not None),
        start=torch.zeros((), dtype=losses.dtype, device=losses.device),
    )
    (moved,) = torch.autograd.grad(along, cotangent)
    return losses.detach(), moved
