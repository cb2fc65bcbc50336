"""Which distributions are this project's own; the code of all others is a third party's."""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # each isolated process would wait for its import
    from importlib.metadata import EntryPoint

__all__ = [
    "OWN_DISTRIBUTIONS",
    "is_own_distribution",
    "is_own_plugin",
    "is_own_target",
    "normal_name",
    "own_modules",
]

OWN_DISTRIBUTIONS: Mapping[str, str] = {
    "loki-bench": "loki_bench",
    "loki-bench-recbole": "loki_bench_recbole",
    "loki-bench-defenses": "loki_bench_defenses",
    "loki-bench-attacks": "loki_bench_attacks",
}
"""By name, the package of each."""

SEPARATORS = re.compile("[-_.]+")
"""In a distribution's name package indexes compare them as one hyphen, and no case (PEP 503)."""


def is_own_plugin(entry: "EntryPoint") -> bool:
    """Whether a plugin is one of this project's own: its distribution's name, and its module's."""
    name = "" if entry.dist is None else str(entry.dist.name)
    package = entry.value.partition(":")[0].partition(".")[0]
    return OWN_DISTRIBUTIONS.get(normal_name(name)) == package


def is_own_distribution(name: str) -> bool:
    """Whether a distribution of that name is one of this project's own."""
    return name in OWN_DISTRIBUTIONS or normal_name(name) in OWN_DISTRIBUTIONS


def is_own_target(target: str) -> bool:
    """Whether a component (``"package.module:name"``) is one of this project's own."""
    return target.partition(":")[0].partition(".")[0] in OWN_DISTRIBUTIONS.values()


def own_modules(targets: Iterable[str]) -> tuple[str, ...]:
    """The modules of those components (``"package.module:name"``) that are this project's own."""
    return tuple(dict.fromkeys(t.partition(":")[0] for t in targets if is_own_target(t)))


def normal_name(name: str) -> str:
    """A distribution's name as package indexes compare them (PEP 503)."""
    return SEPARATORS.sub("-", name).lower()
