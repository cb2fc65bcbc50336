"""The training objective of any differentiable recommender, by automatic differentiation.

The slower way, for models whose score is no sum of inner products: each Hessian product is a double
backward pass over all samples (about thirty times the compiled closed form on Amazon Beauty).
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from loki_bench.contracts import DifferentiableRecommender, InfluenceObjective, TrainingSamples
from loki_bench.errors import InvalidAnswerError
from loki_bench.influence.factor_objective import Curvature

__all__ = ["AutogradObjective", "take_samples"]

FloatArray = NDArray[np.floating]

# bounds the graph's memory: about 20 arrays of this many rows
_CHUNK = 65_536


class AutogradObjective:
    """``sum_s loss_s + 1/2 sum_p l2_p theta_p**2`` around the model's parameters.

    Parameters
    ----------
    model : DifferentiableRecommender
        Fitted; its parameters are read, never changed.
    samples : TrainingSamples

    Raises
    ------
    InvalidAnswerError
        A parameter is not finite or not all parameters share a type.
    """

    def __init__(self, model: DifferentiableRecommender, samples: TrainingSamples) -> None:
        self.model = model
        self.samples = samples
        self.parameters = model.parameters()
        if len({p.dtype for p in self.parameters}) != 1:
            raise InvalidAnswerError(
                f"{type(model).__name__}.parameters() mixes number types: give tensors of one type"
            )
        if not all(bool(torch.isfinite(p).all()) for p in self.parameters):
            raise InvalidAnswerError(
                f"{type(model).__name__}.parameters() hold NaN or infinity: train it again with a "
                "smaller learning rate"
            )
        self.l2 = [c.detach() for c in model.l2_coefficients(samples)]

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(p.numel() for p in self.parameters)

    @property
    def n_samples(self) -> int:
        """Number of training samples."""
        return len(self.samples)

    def gradient(self) -> FloatArray:
        """Gradient of the objective, shape (size,)."""
        total = [c * p.detach() for c, p in zip(self.l2, self.parameters, strict=True)]
        for part in self._chunks():
            loss = self.model.sample_loss(part).sum()
            for out, g in zip(total, self._grad(loss), strict=True):
                out += g
        return self.flatten(total)

    def target_gradient(self, objective: InfluenceObjective) -> FloatArray:
        """Gradient of the weighted sum of target scores, shape (size,)."""
        if not len(objective.users):
            return np.zeros_like(self.flatten([p.detach() for p in self.parameters]))
        scores = self.model.target_score(objective.users, objective.histories, objective.items)
        weights = torch.as_tensor(objective.weights, dtype=scores.dtype, device=scores.device)
        return self.flatten(self._grad((weights * scores).sum()))

    def hessian_product(
        self,
        vector: FloatArray,
        *,
        curvature: Curvature = "exact",
        damping: float = 0.0,
        out: FloatArray | None = None,
    ) -> FloatArray:
        """``(H + damping I) vector``; raises ``InvalidAnswerError`` for Gauss-Newton."""
        if curvature != "exact":
            raise InvalidAnswerError(
                f"curvature 'gauss-newton' needs a FactorRecommender, and "
                f"{type(self.model).__name__} is none: use 'exact' with damping"
            )
        parts = self.unflatten(vector)
        total = [(c + damping) * v for c, v in zip(self.l2, parts, strict=True)]
        for samples in self._chunks():
            loss = self.model.sample_loss(samples).sum()
            gradients = self._grad(loss, create_graph=True)
            along = sum(
                ((g * v).sum() for g, v in zip(gradients, parts, strict=True)),
                start=torch.zeros((), dtype=loss.dtype, device=loss.device),
            )
            if not along.requires_grad:  # a loss that is linear in every parameter
                continue
            for t, h in zip(total, self._grad(along), strict=True):
                t += h
        flat = self.flatten(total)
        if out is None:
            return flat
        out[:] = flat
        return out

    def flatten(self, tensors: list[Tensor]) -> FloatArray:
        """Tensors shaped like the parameters as one numpy vector."""
        return torch.cat(
            [
                t.detach().expand(p.shape).reshape(-1).cpu()
                for t, p in zip(tensors, self.parameters, strict=True)
            ]
        ).numpy()

    def unflatten(self, vector: FloatArray) -> list[Tensor]:
        """The parts of a vector as tensors shaped like the parameters (copies)."""
        parts, at = [], 0
        for p in self.parameters:
            part = torch.tensor(vector[at : at + p.numel()], dtype=p.dtype, device=p.device)
            parts.append(part.reshape(p.shape))
            at += p.numel()
        return parts

    def _grad(self, value: Tensor, *, create_graph: bool = False) -> list[Tensor]:
        gradients = torch.autograd.grad(
            value, self.parameters, create_graph=create_graph, allow_unused=True
        )
        return [
            torch.zeros_like(p) if g is None else g
            for g, p in zip(gradients, self.parameters, strict=True)
        ]

    def _chunks(self) -> Iterator[TrainingSamples]:
        for start in range(0, self.n_samples, _CHUNK):
            yield take_samples(self.samples, slice(start, start + _CHUNK))


def take_samples(samples: TrainingSamples, rows: "slice | NDArray[np.integer]") -> TrainingSamples:
    """Some of the samples."""
    return TrainingSamples(
        users=samples.users[rows],
        last_items=samples.last_items[rows],
        positives=samples.positives[rows],
        negatives=samples.negatives[rows],
    )
