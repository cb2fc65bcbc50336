"""A plugin-based benchmark of data-poisoning attacks on next-item recommenders.

``from loki_bench import Benchmark`` is the way in from Python. Importing the package itself imports
nothing else, so the command line and plugin discovery stay fast. Import any other name from the
module that defines it, e.g. ``from loki_bench.contracts import Attacker``.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loki_bench.benchmark import Benchmark

__all__ = ["Benchmark"]

__version__ = "0.2.0"


def __getattr__(name: str) -> object:
    if name == "Benchmark":
        from loki_bench.benchmark import Benchmark

        return Benchmark
    raise AttributeError(f"module 'loki_bench' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
