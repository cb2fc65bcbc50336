"""Independent random streams, one for each role that a component plays.

A root seed and a role name give a seed: ``SeedSequence([root, crc32(role)])``. The victim's
stream does not depend on the attacker, so rows of a table are paired; a surrogate of the
victim's class has another role and therefore another seed, so it can't be the victim.
"""

import zlib

import numpy as np

__all__ = ["generator_for", "seed_for"]


def seed_for(root: int, role: str) -> int:
    """The seed of one role.

    Parameters
    ----------
    root : int, 0 or more
        The seed written in the suite.
    role : str
        For example ``"targets"``, ``"victim/bprmf"``, ``"surrogate/fpmc"`` or ``"attacker/loki"``.

    Returns
    -------
    int in [0, 2**63): what numpy and torch take. scikit-learn's ``random_state`` and numba's
    ``np.random.seed`` take 32 bits only: give them ``seed % 2**32``.
    """
    sequence = np.random.SeedSequence([root, zlib.crc32(role.encode())])
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator_for(root: int, role: str) -> np.random.Generator:
    """A numpy generator seeded with :func:`seed_for` of the same arguments."""
    return np.random.default_rng(seed_for(root, role))
