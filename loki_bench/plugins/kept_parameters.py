"""The parameters of this project's own targets, kept in the user's cache between commands.

A grid needs the defaults of a recommender's parameters, and its module imports torch and RecBole,
which takes seconds. They are kept under the content of every source file that could say them.
Where the cache can't be read or written, the target is imported.
"""

import hashlib
import importlib.util
import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path

from loki_bench.kept_files import keep_json, kept_json
from loki_bench.plugins.ownership import is_own_target
from loki_bench.plugins.target_facts import ParameterInfo

__all__ = ["keep", "kept", "source_of"]

FORM = 2
MOST_BYTES = 1 << 20
MOST_KEPT = 500


def kept(target: str) -> tuple[ParameterInfo, ...] | None:
    """What was kept of a target; None where it is a third party's, or not known."""
    path = _place(target)
    if path is None:
        return None
    try:
        told = kept_json(path, at_most=MOST_BYTES)
        return tuple(_parameter(**one) for one in told) if isinstance(told, list) else None
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def keep(target: str, parameters: tuple[ParameterInfo, ...]) -> None:
    """Keep the parameters of an own target, where a default is nothing but plain data."""
    path = _place(target)
    if path is None or not all(one.required or one.is_plain for one in parameters):
        return
    keep_json(path, [asdict(one) for one in parameters], most_files=MOST_KEPT)


def _parameter(
    *, name: str, required: bool, default: object, is_plain: bool, shown: str, about: str
) -> ParameterInfo:
    """A parameter as it was written; raises ``ValueError`` where a type is another one."""
    if not all(isinstance(text, str) for text in (name, shown, about)):
        raise ValueError(name)
    if not (isinstance(required, bool) and isinstance(is_plain, bool) and required != is_plain):
        raise ValueError(name)
    if not (default is None or isinstance(default, bool | int | float | str)):
        raise ValueError(name)
    return ParameterInfo(
        name=name, required=required, default=default, is_plain=is_plain, shown=shown, about=about
    )


def _place(target: str) -> Path | None:
    if not is_own_target(target):
        return None
    package = target.partition(":")[0].partition(".")[0]
    import platformdirs  # 10 ms that only a grid has to spend

    sources = [source_of(one) for one in sorted({"loki_bench", package})]
    parts = [FORM, sys.version, *sources, target]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return platformdirs.user_cache_path("loki-bench") / "parameters" / f"{key}.json"


@cache
def source_of(package: str) -> str:
    """A hash of all source files of an installed package, or of a module, which is not imported
    for it; of nothing where there is none."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    found = hashlib.sha256()
    if spec is not None and spec.submodule_search_locations is None and spec.has_location:
        with suppress(OSError):
            found.update(Path(str(spec.origin)).read_bytes())
    for folder in (spec and spec.submodule_search_locations) or ():
        for place, folders, files in os.walk(folder):  # every command comes here: no Path for each
            folders.sort()
            for name in sorted(files):
                if name.endswith(".py"):
                    content = Path(place, name).read_bytes()
                    found.update(f"{place[len(folder) :]}/{name}\0{len(content)}\0".encode())
                    found.update(content)
    return found.hexdigest()
