"""The search among whole attacks, in which the recommender simulator has the last word.

One thing is tried after the other, and the best so far is kept: how many target users (those that
are easiest to reach first), which group sequence (a few fixed shares of clicks on targets and on
the last item, the agent's, the best motif's), and then, in rounds, more fake users for the target
users whose lists fall short. Every candidate costs one training of each surrogate.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.loki.allocation import more_for_the_short
from loki_bench.attackers.loki.design import Design
from loki_bench.attackers.loki.simulator_trial import Trial

__all__ = ["Found", "Judged", "Limits", "searched"]


NOISE = 0.01
"""What comes later must be better by more than this display rate: training the surrogates with
another seed moves it by as much, and what was tried first asks less of the surrogates."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """A design and what the simulator says of it."""

    design: Design
    trial: Trial


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """The best design, and all that were tried, in their order."""

    best: Judged
    tried: tuple[Judged, ...]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How far the search goes.

    Attributes
    ----------
    n_trials : int
        Designs that are tried at most, rounds included.
    n_rounds : int
        Rounds of allocation; as many trials are kept for them.
    list_length : int
        K.
    """

    n_trials: int
    n_rounds: int
    list_length: int


def searched(
    first: list[Design],
    other_groups: dict[str, NDArray[np.int64]],
    try_out: Callable[[Design], Trial],
    limits: Limits,
) -> Found:
    """Try the first designs, then other groups for the best users, then rounds of allocation.

    Parameters
    ----------
    first : list of Design
        Not empty.
    other_groups : dict of str to int64 array of shape (horizon,)
        Group sequences by origin.
    try_out : callable
        The simulator's verdict on a design.
    limits : Limits
    """
    tried: list[Judged] = []

    def best() -> Judged:
        kept = tried[0]
        for judged in tried[1:]:
            if judged.trial.display_rate > kept.trial.display_rate + NOISE:
                kept = judged
        return kept

    def judge(designs: Iterable[Design], n: int) -> None:
        for design in designs:
            if len(tried) >= n:
                return
            tried.append(Judged(design=design, trial=try_out(design)))

    before_rounds = max(1, limits.n_trials - limits.n_rounds)
    judge(first, before_rounds)
    users = best().design
    judge(_with_groups(users, other_groups), before_rounds)
    n_wanted = min(limits.list_length, len(best().design.targets))
    last = best()
    for number in range(1, limits.n_rounds + 1):
        weights = more_for_the_short(last.design.weights, last.trial.n_shown, n_wanted)
        weights[last.design.weights == 0] = 0.0
        if len(tried) >= limits.n_trials or np.array_equal(weights, last.design.weights):
            break
        design = best().design.with_weights(f"round {number}", weights)
        last = Judged(design=design, trial=try_out(design))
        tried.append(last)
    return Found(best=best(), tried=tuple(tried))


def _with_groups(design: Design, groups: dict[str, NDArray[np.int64]]) -> Iterator[Design]:
    seen = {design.groups.tobytes()}
    for origin, sequence in groups.items():
        if sequence.tobytes() not in seen:
            seen.add(sequence.tobytes())
            yield design.with_groups(origin, sequence)
