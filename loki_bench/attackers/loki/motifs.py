"""Short patterns of groups, repeated to the horizon: what an agent must at least be worth.

A hundred of them are tried in seconds. On Amazon Beauty the best one often pays more than the
sequence that the deep Q-network ends with: it is the floor under the agent, and a comparison in
every report.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.loki.environment import GroupEnvironment

__all__ = ["Motif", "best_motifs", "motif_alphabet", "repeated"]

_LONGEST = 4
_FIRST_DRAWS = 16
_DRAWS = 200
_SECOND_LOOKS = 8


@dataclass(frozen=True, kw_only=True)
class Motif:
    """A pattern of groups and the mean return of repeating it."""

    groups: tuple[int, ...]
    mean_return: float


def repeated(pattern: tuple[int, ...], horizon: int) -> NDArray[np.int64]:
    """The pattern from its start as often as it takes: int64 array of shape (horizon,)."""
    return np.resize(np.array(pattern, dtype=np.int64), horizon)


def motif_alphabet(environment: GroupEnvironment) -> tuple[int, ...]:
    """The first three groups: targets and what target users selected, where there is a group."""
    return tuple(range(min(3, environment.n_actions)))


def best_motifs(
    environment: GroupEnvironment, alphabet: tuple[int, ...], n: int, rng: np.random.Generator
) -> tuple[Motif, ...]:
    """The patterns of at most four groups that pay most, best first.

    All are tried with 16 fake users, and the eight best of them with 200: with fewer the mean
    return of a pattern is uncertain by more than the best ones differ.

    Parameters
    ----------
    environment : GroupEnvironment
    alphabet : tuple of int
        The groups that patterns are made of.
    n : int
        How many to give at most.
    rng : numpy.random.Generator
    """
    different = {
        repeated(pattern, environment.horizon).tobytes(): pattern
        for length in range(_LONGEST, 0, -1)  # of two that repeat alike the shorter one is kept
        for pattern in itertools.product(alphabet, repeat=length)
    }
    tried = _tried(environment, tuple(different.values()), _FIRST_DRAWS, rng)
    closer = tuple(motif.groups for motif in tried[:_SECOND_LOOKS])
    return _tried(environment, closer, _DRAWS, rng)[:n]


def _tried(
    environment: GroupEnvironment,
    patterns: tuple[tuple[int, ...], ...],
    n_draws: int,
    rng: np.random.Generator,
) -> tuple[Motif, ...]:
    horizon = environment.horizon
    actions = np.repeat([repeated(pattern, horizon) for pattern in patterns], n_draws, axis=0)
    returns = environment.play(actions, rng).rewards.astype(np.float64).sum(axis=1)
    means = returns.reshape(len(patterns), n_draws).mean(axis=1)
    order = np.argsort(-means, kind="stable")
    return tuple(Motif(groups=patterns[place], mean_return=float(means[place])) for place in order)
