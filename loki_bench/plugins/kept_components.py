"""Which own components could be built with which parameters, kept in the user's cache.

A component is a function of its parameters, of this project's source and of what that imports, so
what could be built once can be built again. Where the cache can't be read or written, nothing is
known.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from loki_bench.kept_files import keep_json, kept_json
from loki_bench.plugins.kept_parameters import source_of
from loki_bench.plugins.ownership import OWN_DISTRIBUTIONS

__all__ = ["KeptComponents"]

FORM = 1
MOST_BYTES = 1 << 20
MOST_COMPONENTS = 5000
MOST_KEPT = 50

ASKED_BY_COMPONENTS = ("torch", "recbole")
"""Their versions decide which devices and which models there are."""


class KeptComponents:
    """The components that were built, read once and written once."""

    def __init__(self) -> None:
        self._path = _place()
        self._known = _read(self._path)
        self._new: set[str] = set()

    def has(self, target: str, parameters: Mapping[str, object]) -> bool:
        """Whether a component was built with these parameters."""
        return _name(target, parameters) in self._known

    def add(self, target: str, parameters: Mapping[str, object]) -> None:
        """Say that a component was built."""
        self._new.add(_name(target, parameters))
        self._known.add(_name(target, parameters))

    def keep(self) -> None:
        """Write what is new beside what others wrote since."""
        if self._new:
            found = _read(self._path) | self._new
            if len(found) > MOST_COMPONENTS:
                found = self._new
            keep_json(self._path, sorted(found), most_files=MOST_KEPT)


def _name(target: str, parameters: Mapping[str, object]) -> str:
    content = json.dumps([target, dict(parameters)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _read(path: Path) -> set[str]:
    with suppress(OSError, ValueError, RecursionError):
        told = kept_json(path, at_most=MOST_BYTES)
        if isinstance(told, list):
            return {name for name in told if isinstance(name, str)}
    return set()


def _place() -> Path:
    import platformdirs  # 10 ms that only a grid has to spend

    sources = [source_of(package) for package in sorted(OWN_DISTRIBUTIONS.values())]
    parts = [FORM, sys.version, *sources, *map(_version, ASKED_BY_COMPONENTS)]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return platformdirs.user_cache_path("loki-bench") / "built" / f"{key}.json"


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
