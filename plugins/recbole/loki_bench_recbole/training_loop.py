"""The epochs of a fit: when to validate, when to stop, and which weights are kept."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from loki_bench.errors import InvalidAnswerError, ParameterError

__all__ = ["Schedule", "run_epochs"]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long to train.

    Attributes
    ----------
    epochs : int
        The number of epochs, or with validation events the most.
    validate_every : int
        Epochs between two looks at the validation events; the last epoch is always looked at.
    patience : int
        Stop after this many looks in a row without a new best.
    """

    epochs: int
    validate_every: int
    patience: int

    def __post_init__(self) -> None:
        for name in ("epochs", "validate_every", "patience"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ParameterError(f"{name} must be a whole number from 1, got {value!r}")


def run_epochs(
    run_epoch: Callable[[int], float],
    tensors: Sequence[torch.Tensor],
    *,
    schedule: Schedule,
    measure: Callable[[], float] | None,
    who: str,
) -> dict[str, float]:
    """Train, and leave the best weights in ``tensors``.

    Parameters
    ----------
    run_epoch : callable
        ``run_epoch(epoch) -> mean training loss``, changing ``tensors`` in place.
    tensors : sequence of Tensor
        All that is trained.
    schedule : Schedule
        How long, and when to look at the validation events.
    measure : callable or None
        The validation score of the current weights, higher is better. Without it all epochs are
        run and the last weights are kept.
    who : str
        The recommender's name, for errors.

    Returns
    -------
    dict with ``epochs`` (run), ``training_loss`` (of the last epoch run) and, where ``measure``
    is given, ``best_epoch`` and ``validation_ndcg@10``.

    Raises
    ------
    InvalidAnswerError
        A weight or the loss is no longer finite.
    """
    best_score, best_epoch, looks_without_best = -1.0, 0, 0
    best = [torch.empty_like(tensor) for tensor in tensors] if measure else []
    epoch, loss = 0, float("nan")
    for epoch in range(1, schedule.epochs + 1):
        loss = run_epoch(epoch - 1)
        last = epoch == schedule.epochs
        if not last and (measure is None or epoch % schedule.validate_every):
            continue
        _require_finite(tensors, loss, who=who, epoch=epoch)
        if measure is None:
            break
        score = measure()
        if score > best_score:
            best_score, best_epoch, looks_without_best = score, epoch, 0
            for copy, tensor in zip(best, tensors, strict=True):
                copy.copy_(tensor.detach())
        else:
            looks_without_best += 1
            if looks_without_best >= schedule.patience:
                break
    report = {"epochs": float(epoch), "training_loss": loss}
    if measure:
        for copy, tensor in zip(best, tensors, strict=True):
            tensor.data.copy_(copy)
        report |= {"best_epoch": float(best_epoch), "validation_ndcg@10": best_score}
    return report


def _require_finite(tensors: Sequence[torch.Tensor], loss: float, *, who: str, epoch: int) -> None:
    finite = math.isfinite(loss)
    if not finite or not all(bool(torch.isfinite(tensor).all()) for tensor in tensors):
        what = "a weight" if finite else "the loss"
        raise InvalidAnswerError(
            f"{who}: training diverged, {what} is not finite after epoch {epoch}; "
            "use a smaller learning_rate or a larger l2"
        )
