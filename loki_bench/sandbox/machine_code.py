"""Machine code that numba keeps between processes: nobody's that another one runs unasked.

A process that runs this project's own components alone reads and writes what the host keeps. One
that runs anybody else's reads it, and writes into its own folder, which goes with it: what a
stranger kept there could be wrong on purpose, and would run in the next cell.
"""

import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

import platformdirs

__all__ = ["kept_machine_code", "read_also"]

CACHING = "numba.core.caching"


def kept_machine_code() -> Path:
    """Where the host keeps it: the folder named by ``NUMBA_CACHE_DIR``, else the user's cache."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    return Path(named or platformdirs.user_cache_path("loki-bench") / "machine-code").absolute()


def read_also(kept: str) -> None:
    """Have numba, once it is imported, look in ``kept`` for what its own folder lacks.

    numba has one folder for reading and writing. Where its insides have changed, this does
    nothing, and machine code is compiled anew.
    """
    sys.meta_path.insert(0, _WhenImported(kept))


class _WhenImported(MetaPathFinder):
    """Finds one module as everybody does, and changes it once it has been run."""

    def __init__(self, kept: str) -> None:
        self._kept = kept

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != CACHING:
            return None
        sys.meta_path.remove(self)
        found = PathFinder.find_spec(fullname, path, target)
        if found is not None and found.loader is not None:
            found.loader = _Changed(found.loader, self._kept)
        return found


class _Changed(Loader):
    def __init__(self, loader: Loader, kept: str) -> None:
        self._loader, self._kept = loader, kept

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        files = getattr(module, "IndexDataCacheFile", None)
        if hasattr(files, "load"):
            _look_twice(files, os.environ["NUMBA_CACHE_DIR"], self._kept)


def _look_twice(files: Any, own: str, kept: str) -> None:
    in_own = files.load

    def load(self: Any, key: Any) -> Any:
        found = in_own(self, key)
        if found is None and self._cache_path.startswith(own):
            twin = object.__new__(files)
            vars(twin).update(vars(self))
            twin._cache_path = kept + self._cache_path[len(own) :]
            twin._index_path = kept + self._index_path[len(own) :]
            found = in_own(twin, key)
        return found

    files.load = load
