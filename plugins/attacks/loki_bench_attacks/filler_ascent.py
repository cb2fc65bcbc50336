"""Projected gradient ascent in the fake users' clicks, relaxed to numbers between 0 and 1."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from loki_bench.contracts import AttackerView
from loki_bench.errors import InvalidAnswerError
from loki_bench.parameters import require_number
from loki_bench_attacks.alternating_profiles import n_fillers_of

__all__ = ["RelaxedClicks", "ascended", "projected", "relaxed_clicks", "require_ascent"]


def require_ascent(who: str, *, candidate_share: float, step: float) -> None:
    """Raise ``ParameterError`` where no ascent can be made with these."""
    require_number(who, "candidate_share", candidate_share, above=0, most=1)
    require_number(who, "step", step, above=0)


@dataclass(frozen=True, kw_only=True, eq=False)
class RelaxedClicks:
    """What a fake user may click, and what it does.

    Attributes
    ----------
    clicks : float32 tensor of shape (n_fakes, n_items)
        Between 0 and 1; 1 at items to lift.
    is_free : bool tensor of the same shape
        Where the attack may choose: each fake user's own draw of possible fillers.
    rooms : int64 array of shape (n_fakes,)
        How many fillers each has room for: the most that its free clicks add up to.
    """

    clicks: Tensor
    is_free: Tensor
    rooms: NDArray[np.int64]

    def chosen(self) -> list[NDArray[np.int32]]:
        """Each fake user's fillers: its ``rooms`` largest free clicks, largest first."""
        free = torch.where(self.is_free, self.clicks, -torch.inf).numpy()
        order = np.argsort(-free, axis=1, kind="stable")
        n_free = self.is_free.sum(dim=1).numpy()
        return [
            row[: min(int(room), int(n))].astype(np.int32)
            for row, room, n in zip(order, self.rooms, n_free, strict=True)
        ]


def relaxed_clicks(
    view: AttackerView,
    promoted: NDArray[np.int32],
    others: NDArray[np.int32],
    *,
    candidate_share: float,
    generator: np.random.Generator,
) -> RelaxedClicks:
    """Where an ascent starts: all items to lift clicked, free clicks alike and as many as allowed.

    Parameters
    ----------
    candidate_share : float, above 0, at most 1
        The share of ``others`` that each fake user may choose among, drawn for each by itself: they
        would all click the same items otherwise.
    """
    rooms = n_fillers_of(view.budget)
    n_candidates = min(
        len(others), max(round(candidate_share * len(others)), max(rooms, default=0))
    )
    clicks = torch.zeros(len(rooms), view.history.n_items)
    is_free = torch.zeros(clicks.shape, dtype=torch.bool)
    for row, room in enumerate(rooms.tolist()):
        own = generator.choice(others, n_candidates, replace=False).astype(np.int64)
        is_free[row, own] = True
        clicks[row, own] = min(1.0, room / max(1, n_candidates))
    clicks[:, torch.from_numpy(promoted.astype(np.int64))] = 1.0
    return RelaxedClicks(clicks=clicks, is_free=is_free, rooms=rooms)


def ascended(
    relaxed: RelaxedClicks,
    gradient: Callable[[Tensor], Tensor],
    *,
    n_steps: int,
    step: float,
    who: str,
) -> RelaxedClicks:
    """After some steps up the gradient, each followed by the projection.

    A step moves each fake user's free clicks by ``step`` times its gradient over the largest
    entry of it: gradients of different surrogates have different scales.

    Raises
    ------
    InvalidAnswerError
        A click is no longer finite: what would be chosen then follows from the items' ids.
    """
    clicks = relaxed.clicks
    for number in range(1, n_steps + 1):
        slope = torch.where(relaxed.is_free, gradient(clicks), 0.0)
        largest = slope.abs().amax(dim=1, keepdim=True).clamp_min(torch.finfo(slope.dtype).tiny)
        moved = clicks + step * slope / largest
        free = projected(
            torch.where(relaxed.is_free, moved, 0.0), [float(room) for room in relaxed.rooms]
        )
        clicks = torch.where(relaxed.is_free, free, relaxed.clicks)
        if not bool(torch.isfinite(clicks).all()):
            raise InvalidAnswerError(
                f"{who}: the ascent left the finite numbers in step {number} of {n_steps}; give "
                "the attack a smaller step, and a smaller radius if it has one"
            )
    return RelaxedClicks(clicks=clicks, is_free=relaxed.is_free, rooms=relaxed.rooms)


def projected(rows: Tensor, sums: Sequence[float]) -> Tensor:
    """The nearest rows with entries between 0 and 1 that add up to no more than their sum.

    ``clip(row - t, 0, 1)`` with the least t of 0 or more that keeps the sum, found by bisection.
    """
    most = torch.tensor(sums, dtype=rows.dtype)[:, None]
    low = torch.zeros_like(most)
    high = rows.amax(dim=1, keepdim=True).clamp_min(0) if rows.numel() else low
    for _ in range(40):
        middle = (low + high) / 2
        too_much = (rows - middle).clamp(0, 1).sum(dim=1, keepdim=True) > most
        low, high = torch.where(too_much, middle, low), torch.where(too_much, high, middle)
    fits = rows.clamp(0, 1).sum(dim=1, keepdim=True) <= most
    return torch.where(fits, rows.clamp(0, 1), (rows - high).clamp(0, 1))
