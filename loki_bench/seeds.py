"""Independent random streams, one for each role that a component plays.

A root seed, a role and a run key give a seed. Without a key it is public:
``SeedSequence([root, crc32(role)])``. With one it is BLAKE2b of both, keyed: whoever lacks the key
learns nothing of one role's seed from another's. The victim's stream does not depend on the
attacker, so rows of a table are paired; a surrogate of the victim's class has another role and
therefore another seed, so it can't be the victim.
"""

import hashlib
import zlib

import numpy as np

__all__ = ["generator_for", "seed_for"]


def seed_for(root: int, role: str, *, key: str = "") -> int:
    """The seed of one role.

    Parameters
    ----------
    root : int, 0 or more
        The seed written in the suite.
    role : str
        For example ``"targets"``, ``"victim/bprmf"``, ``"surrogate/fpmc"`` or ``"attacker/loki"``.
    key : str
        The run key, 32 hexadecimal digits; empty where seeds are public.

    Returns
    -------
    int in [0, 2**63): what numpy and torch take. scikit-learn's ``random_state`` and numba's
    ``np.random.seed`` take 32 bits only: give them ``seed % 2**32``.
    """
    if key:
        told = f"{root}/{role}".encode()
        digest = hashlib.blake2b(told, key=bytes.fromhex(key), digest_size=8).digest()
        return int.from_bytes(digest, "little") >> 1
    sequence = np.random.SeedSequence([root, zlib.crc32(role.encode())])
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator_for(root: int, role: str, *, key: str = "") -> np.random.Generator:
    """A numpy generator seeded with :func:`seed_for` of the same arguments."""
    return np.random.default_rng(seed_for(root, role, key=key))
