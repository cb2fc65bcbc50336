"""The training objective of any differentiable recommender, by automatic differentiation.

The slower way, for models whose score is no sum of inner products. A product with the exact
Hessian is a double backward pass; a Gauss-Newton product is a forward and a backward one. Either
can be taken over some of the users, see ``user_sampling``.

Gauss-Newton needs to know what a loss is made of. It is for models that declare a sample's loss
to be ``-log P`` of what was observed (``loss_is_log_probability``), so that
``loss = log(1 + exp(-x))`` with the log-odds ``x = log(P / (1 - P))``; without the second
derivatives of x the Hessian is ``sum_s sigmoid'(x_s) grad x_s grad x_s^T``, which is
``sum_s grad loss_s grad loss_s^T / (exp(loss_s) - 1)``. For pairwise logistic losses that is the
usual Gauss-Newton matrix, and for a cross-entropy the one of "this item or any other".
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from loki_bench.contracts import (
    DifferentiableRecommender,
    InfluenceObjective,
    LinearisedLosses,
    TrainingSamples,
)
from loki_bench.errors import InvalidAnswerError
from loki_bench.influence.objectives.derivatives import AutomaticLosses, linearised
from loki_bench.influence.objectives.training_objective import Curvature
from loki_bench.influence.objectives.user_sampling import DrawnSamples

__all__ = ["AutogradObjective"]

FloatArray = NDArray[np.floating]

_CHUNK = 4096
"""Samples in one pass: a cross-entropy's graph holds a few arrays of this many rows by n_items."""

_KEPT_CHUNKS = 4
"""Where there are no more, what a model keeps for products with its Jacobian is kept for all."""

_DIAGONAL_PROBES = 8


class AutogradObjective:
    """``sum_s loss_s + 1/2 sum_p l2_p theta_p**2`` around the model's parameters.

    Parameters
    ----------
    model : DifferentiableRecommender
        Fitted; its parameters are read, never changed, and must not change: what it keeps for
        products with its Jacobian lives as long as the objective.
    samples : TrainingSamples
    drawn : DrawnSamples or None
        The samples that the gradient and the products are summed over, with their weights; None
        takes all of them. The regulariser is always that of all.

    Raises
    ------
    InvalidAnswerError
        A parameter is not finite or not all parameters share a type.
    """

    def __init__(
        self,
        model: DifferentiableRecommender,
        samples: TrainingSamples,
        drawn: DrawnSamples | None = None,
    ) -> None:
        self.model = model
        self.samples = samples
        everything = DrawnSamples(
            rows=np.arange(len(samples)),
            weights=np.ones(len(samples)),
            n_users=len(np.unique(samples.users)),
        )
        self.drawn = everything if drawn is None else drawn
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
        self._kept: list[LinearisedLosses] = []

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
        for part, weights in self._chunks():
            loss = (weights * self.model.sample_loss(part)).sum()
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
        """``(H + damping I) vector``.

        Raises ``InvalidAnswerError`` for Gauss-Newton where a loss is no ``-log P``: the model does
        not declare it, or a loss is below 0.
        """
        parts = self.unflatten(vector)
        total = [(c + damping) * v for c, v in zip(self.l2, parts, strict=True)]
        product = self._exact if curvature == "exact" else self._gauss_newton
        for found in product(parts):
            for t, h in zip(total, found, strict=True):
                t += h
        flat = self.flatten(total)
        if out is None:
            return flat
        out[:] = flat
        return out

    def gauss_newton_diagonal(self, *, seed: int) -> FloatArray | None:
        """Estimate of the Gauss-Newton matrix's diagonal with the L2 term, shape (size,).

        None where the model's loss is not declared to be ``-log P``. For random signs z,
        ``(J^T sqrt(h) z)**2`` has the diagonal as its expectation; it is exact where a parameter
        belongs to one sample of a chunk.
        """
        if not self.model.loss_is_log_probability:
            return None
        total = [c.expand(p.shape).clone() for c, p in zip(self.l2, self.parameters, strict=True)]
        rng = np.random.default_rng(seed)
        for losses, weights in self._linearised_chunks():
            values = losses.values
            roots = (weights * self._odds(values)).sqrt()
            for _ in range(_DIAGONAL_PROBES):
                signs = torch.as_tensor(
                    rng.choice([-1.0, 1.0], len(values)), dtype=values.dtype, device=values.device
                )
                for t, g in zip(total, losses.vjp(roots * signs), strict=True):
                    t += g.square() / _DIAGONAL_PROBES
        return self.flatten(total)

    def _exact(self, vector: list[Tensor]) -> Iterator[list[Tensor]]:
        for samples, weights in self._chunks():
            loss = (weights * self.model.sample_loss(samples)).sum()
            gradients = self._grad(loss, create_graph=True)
            along = sum(
                ((g * v).sum() for g, v in zip(gradients, vector, strict=True)),
                start=torch.zeros((), dtype=loss.dtype, device=loss.device),
            )
            if along.requires_grad:  # not where a loss is linear in every parameter
                yield self._grad(along)

    def _gauss_newton(self, vector: list[Tensor]) -> Iterator[list[Tensor]]:
        if not self.model.loss_is_log_probability:
            raise InvalidAnswerError(
                f"curvature 'gauss-newton' needs losses that are -log of a probability, which "
                f"{type(self.model).__name__} does not declare: set loss_is_log_probability if "
                "they are, or use curvature = 'exact'"
            )
        for losses, weights in self._linearised_chunks():
            along = losses.jvp(vector)
            yield losses.vjp(weights * self._odds(losses.values) * along)

    def _odds(self, losses: Tensor) -> Tensor:
        """``1 / (exp(loss) - 1)``, the odds of what was observed; 0 where a loss underflows."""
        if bool((losses < 0).any()):
            raise InvalidAnswerError(
                f"curvature 'gauss-newton' takes a sample's loss for -log of a probability, and "
                f"{type(self.model).__name__}.sample_loss() is {float(losses.min()):.3g} for one: "
                "use curvature = 'exact' with damping"
            )
        certain = losses < torch.finfo(losses.dtype).tiny
        return torch.where(certain, 0.0, 1.0 / torch.expm1(losses.clamp(min=1e-30)))

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
        return list(
            torch.autograd.grad(
                value, self.parameters, create_graph=create_graph, materialize_grads=True
            )
        )

    def _linearised_chunks(self) -> Iterator[tuple[LinearisedLosses, Tensor]]:
        keep = len(self.drawn.rows) <= _KEPT_CHUNKS * _CHUNK
        for at, (samples, weights) in enumerate(self._chunks()):
            if at < len(self._kept):
                yield self._kept[at], weights
                continue
            losses = linearised(self.model, samples, keep=keep)
            if keep and not isinstance(losses, AutomaticLosses):
                self._kept.append(losses)
            yield losses, weights

    def _chunks(self) -> Iterator[tuple[TrainingSamples, Tensor]]:
        first = self.parameters[0]
        for start in range(0, len(self.drawn.rows), _CHUNK):
            part = slice(start, start + _CHUNK)
            weights = torch.as_tensor(
                self.drawn.weights[part], dtype=first.dtype, device=first.device
            )
            yield self.samples.take(self.drawn.rows[part]), weights
