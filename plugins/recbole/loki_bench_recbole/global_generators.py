"""The process's own generators, seeded for code that knows no others, and put back after it."""

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO

import numpy as np
import torch

__all__ = ["seed_global_generators", "seeded_global_generators"]


@contextmanager
def seeded_global_generators(seed: int) -> Iterator[None]:
    """Seed random, numpy and torch on the CPU, and leave them as they were.

    Warnings and what is printed are kept back: the code is RecBole's, and nobody here changes it.
    """
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    with (
        torch.random.fork_rng(devices=[]),
        warnings.catch_warnings(),
        redirect_stdout(StringIO()),
    ):
        warnings.simplefilter("ignore")
        seed_global_generators(seed)
        try:
            yield
        finally:
            random.setstate(of_python)
            np.random.set_state(of_numpy)  # noqa: NPY002


def seed_global_generators(seed: int) -> None:
    """Seed random, numpy and torch on the CPU, with a seed in [0, 2**64)."""
    random.seed(seed)
    np.random.seed([seed & 0xFFFFFFFF, seed >> 32])  # noqa: NPY002
    # not manual_seed(): that also seeds the generators of every accelerator
    torch.default_generator.manual_seed(seed >> 1)
