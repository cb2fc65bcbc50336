"""The search among whole attacks, in which the recommender simulator has the last word.

One thing is tried after the other, and the best so far is kept: how many target users and which
(those that are easiest to reach by their items, and those that the simulator reaches), which group
sequence (a few fixed shares of clicks on targets and on the last item, the agent's, the best
motif's), and then, where there are fake users for all, rounds that give more of them to the target
users whose lists fall short; at last the hand rule covisit, whose fake users serve nobody of their
own. Every candidate costs one training of each surrogate.
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
        Rounds of allocation; as many trials are kept for them where all users are served.
    list_length : int
        K.
    stealth : float, 0 or more
        What being found costs: the display rate less so many times how well the best of the
        attacker's own detectors finds an attack, from 0 (by chance) to 1, is what decides.
    targets_each : tuple of int
        At the end the best design is tried with so many different targets a fake user, too,
        beyond ``n_trials``.
    doubt : float
        A mixed design is kept though it is worse than the best so far, by this share of it at most.
    """

    n_trials: int
    n_rounds: int
    list_length: int
    stealth: float = 0.0
    targets_each: tuple[int, ...] = ()
    doubt: float = 0.0

    def worth(self, trial: Trial) -> float:
        """What a trial is compared by."""
        if not self.stealth or not trial.found:
            return trial.display_rate
        found = max(0.0, 2 * max(trial.found.values()) - 1)
        return trial.display_rate - self.stealth * found


def searched(
    first: list[Design],
    easiest: NDArray[np.int64],
    other_groups: dict[str, NDArray[np.int64]],
    try_out: Callable[[Design], Trial],
    limits: Limits,
    last: Iterable[Design],
) -> Found:
    """Try the first designs, other users, other groups, rounds of allocation, then the last ones.

    Where none of them reaches a list, the one that lifts the targets highest is the best.

    Parameters
    ----------
    first : list of Design
        Not empty; the last one serves most users.
    easiest : int64 array of shape (n_reachable_users,)
        Places of the target users who can be shown a target, those that should be easiest to reach
        first.
    other_groups : dict of str to int64 array of shape (horizon,)
        Group sequences by origin.
    try_out : callable
        The simulator's verdict on a design.
    limits : Limits
    last : iterable of Design
        Beyond the number of trials, unless a single one is allowed.
    """
    tried: list[Judged] = []

    def best() -> Judged:
        kept = tried[0]
        for judged in tried[1:]:
            best_worth = limits.worth(kept.trial)
            worth = limits.worth(judged.trial)
            if judged.design.mixed and limits.doubt > 0:
                is_better = worth >= best_worth - limits.doubt * abs(best_worth)
            else:
                is_better = worth > best_worth + NOISE
            if is_better:
                kept = judged
        return kept

    def judge(designs: Iterable[Design], n: int) -> None:
        for design in designs:
            if len(tried) >= n:
                return
            tried.append(Judged(design=design, trial=try_out(design)))

    serves_all = len(first) == 1 and np.count_nonzero(first[-1].weights) == len(easiest)
    before_rounds = max(1, limits.n_trials - limits.n_rounds if serves_all else limits.n_trials)
    judge(first, before_rounds)
    judge(_easiest_on_simulator(best().design, tried, easiest), before_rounds)
    judge(_with_groups(best().design, other_groups), before_rounds)
    if serves_all:
        _allocate(tried, best, try_out, limits)
    if limits.n_trials > 1:
        tried += [Judged(design=design, trial=try_out(design)) for design in last]
    most = best().design
    fewer = (most.with_targets_each(n) for n in limits.targets_each)
    judge(fewer, len(tried) + len(limits.targets_each))
    if limits.stealth or any(judged.trial.display_rate > 0 for judged in tried):
        return Found(best=best(), tried=tuple(tried))
    nearest = min(tried, key=lambda judged: judged.trial.mean_log_rank)
    is_told = np.isfinite(nearest.trial.mean_log_rank)
    return Found(best=nearest if is_told else best(), tried=tuple(tried))


def _easiest_on_simulator(
    design: Design, tried: list[Judged], easiest: NDArray[np.int64]
) -> Iterator[Design]:
    """As many users as the design serves, those with the longest lists where most were served."""
    widest = tried[-1]
    n_served = int(np.count_nonzero(design.weights))
    if n_served == int(np.count_nonzero(widest.design.weights)):
        return
    order = easiest[np.argsort(-widest.trial.n_shown[easiest], kind="stable")]
    weights = np.zeros(len(design.weights))
    weights[order[:n_served]] = 1.0
    if not np.array_equal(weights, design.weights):
        yield design.with_weights(f"{n_served} target users that the simulator reaches", weights)


def _with_groups(design: Design, groups: dict[str, NDArray[np.int64]]) -> Iterator[Design]:
    seen = {design.groups.tobytes()}
    for origin, sequence in groups.items():
        if sequence.tobytes() not in seen:
            seen.add(sequence.tobytes())
            yield design.with_groups(origin, sequence)


def _allocate(
    tried: list[Judged],
    best: Callable[[], Judged],
    try_out: Callable[[Design], Trial],
    limits: Limits,
) -> None:
    """Rounds of more fake users for those whose lists fall short, from the best design on."""
    last = best()
    n_wanted = min(limits.list_length, len(last.design.targets))
    for number in range(1, limits.n_rounds + 1):
        weights = more_for_the_short(last.design.weights, last.trial.n_shown, n_wanted)
        if len(tried) >= limits.n_trials or np.array_equal(weights, last.design.weights):
            return
        design = last.design.with_weights(f"round {number}", weights)
        last = Judged(design=design, trial=try_out(design))
        tried.append(last)
