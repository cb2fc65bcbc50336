"""The group sequences that the agent's reward proposes: the agent's own, and the best motifs."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.loki.environment import GroupEnvironment
from loki_bench.attackers.loki.motifs import Motif, best_motifs, motif_alphabet, repeated

__all__ = ["proposed"]

_REPORTED_MOTIFS = 3


def proposed(
    environment: GroupEnvironment,
    sequences: NDArray[np.int64],
    mean_return: float,
    *,
    with_motifs: bool,
    seed: int,
) -> tuple[dict[str, NDArray[np.int64]], tuple[Motif, ...]]:
    """Group sequences by origin, the one that pays most first, and the best motifs.

    Parameters
    ----------
    environment : GroupEnvironment
    sequences : int64 array of shape (n, horizon)
        What the policy writes; its most frequent row is proposed.
    mean_return : float
        What the policy's sequences pay.
    with_motifs : bool
    seed : int
    """
    most_common = Counter(map(tuple, sequences.tolist())).most_common(1)[0][0]
    own = {"policy": np.array(most_common, dtype=np.int64)}
    if not with_motifs:
        return own, ()
    rng = np.random.default_rng(seed)
    motifs = best_motifs(environment, motif_alphabet(environment), _REPORTED_MOTIFS, rng)
    best = {"motif": repeated(motifs[0].groups, environment.horizon)}
    return (best | own if motifs[0].mean_return > mean_return else own | best), motifs
