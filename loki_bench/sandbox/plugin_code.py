"""Where the code of installed plugins lies: an attack is shown that of its own components alone.

A victim's class is public, but an attack that could import it could train the very victim. So of
all distributions that declare plugins, an attack's process can read those that its own components
come from: the attack, its surrogates, its influence estimator. Which victims a suite has does not
matter, since one poison serves all of them.
"""

import importlib.util
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path

from loki_bench.plugins.hookspecs import ENTRY_POINT_GROUP
from loki_bench.plugins.ownership import normal_name
from loki_bench.suite.components import ComponentRef

__all__ = ["code_of_other_plugins"]

HOST = "loki-bench"
CODE = (".py", ".pyc", ".so", ".pyd")


def code_of_other_plugins(used: Iterable[ComponentRef]) -> tuple[Path, ...]:
    """Packages and modules of all plugins but the host's and those that ``used`` come from.

    Returns
    -------
    tuple of Path
        Folders and files, in order; what a distribution in use has, too, is not among them.
    """
    components = tuple(used)
    kept = {HOST, *(normal_name(component.distribution) for component in components)}
    plugins = list(entry_points(group=ENTRY_POINT_GROUP))
    needed = {_top(component.target) for component in components}
    needed |= {_top(entry.value) for entry in plugins if _owner(entry) in kept}
    shown = {path for name in needed for path in _packages(name)}
    others = {path for entry in plugins if _owner(entry) not in kept for path in _code(entry)}
    return tuple(sorted(path for path in others if not any(_is_around(path, one) for one in shown)))


def _code(entry: EntryPoint) -> Iterator[Path]:
    """All that a plugin's distribution installed for import, and the package of its hooks.

    Of a namespace package, which distributions share, its own part alone.
    """
    distribution: Distribution | None = entry.dist
    files = [
        file
        for file in (distribution and distribution.files) or ()
        if file.suffix in CODE and ".." not in file.parts and file.parts[0] != "__pycache__"
    ]
    top = _top(entry.value)
    if not _is_shared(top) or all(file.parts[0] != top for file in files):
        yield from _packages(top)
    for file in files:
        folders = (Path(str(file.locate())), *Path(str(file.locate())).parents)
        places = folders[: len(file.parts)][::-1]  # from the first folder to the file
        yield next((p for p in places if (p / "__init__.py").is_file()), places[-1]).resolve()


def _is_shared(name: str) -> bool:
    """Whether it is a namespace package: a folder without ``__init__.py``."""
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return found is not None and found.origin is None


def _packages(name: str) -> Iterator[Path]:
    """Where a package or module lies; nothing of it is imported."""
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return
    if found is None:
        return
    if found.submodule_search_locations is not None:
        yield from (Path(place).resolve() for place in found.submodule_search_locations)
    elif found.origin is not None:
        yield Path(found.origin).resolve()


def _is_around(path: Path, other: Path) -> bool:
    return other == path or other.is_relative_to(path)


def _owner(entry: EntryPoint) -> str:
    return "" if entry.dist is None else normal_name(entry.dist.name)


def _top(name: str) -> str:
    return name.partition(":")[0].partition(".")[0]
