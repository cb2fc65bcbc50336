"""What a process imports for its copies: what one of them had to import, the next need not."""

import importlib
import sys
from collections.abc import Iterable, Set
from contextlib import nullcontext, suppress

from loki_bench.anomaly_detection import anomaly_detection_kept

__all__ = ["modules_since", "preload"]

PACKAGES = (
    *("loki_bench", "loki_bench_recbole", "loki_bench_defenses", "loki_bench_attacks"),
    *("numpy", "scipy", "numba", "llvmlite", "torch", "pandas", "sklearn", "recbole"),
)
"""Of these alone: no third party's plugin."""


def modules_since(known: Set[str]) -> list[str]:
    """The modules of :data:`PACKAGES` that were imported and are not ``known``."""
    return [name for name in sys.modules if name not in known and _is_of_packages(name)]


def preload(names: Iterable[object]) -> None:
    """Import modules of :data:`PACKAGES`, and get numba ready; whatever else is named is not."""
    modules = [name for name in names if isinstance(name, str) and _is_of_packages(name)]
    if not modules:
        return
    was_there = "numba" in sys.modules
    # RecBole's import turns it on; without RecBole torch need not be there
    has_recbole = any(name.partition(".")[0] == "recbole" for name in modules)
    with anomaly_detection_kept() if has_recbole else nullcontext():
        for name in modules:
            with suppress(Exception):
                importlib.import_module(name)
    if "numba" in sys.modules and not was_there:
        import numba

        # its first use takes about half a second, compiled code from its cache or not
        numba.njit("int64(int64)")(lambda x: x)


def _is_of_packages(module: str) -> bool:
    """By its name; a plugin may have told it."""
    return module.partition(".")[0] in PACKAGES
