"""Where the code of installed plugins lies: an attack is shown that of its own components alone.

A victim's class is public, but an attack that could import it could train the very victim. So of
all distributions that declare plugins, an attack's process can read those that its own components
come from: the attack, its surrogates, its influence estimator. Which victims a suite has does not
matter, since one poison serves all of them.
"""

import importlib.util
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path

from loki_bench.plugins.hookspecs import ENTRY_POINT_GROUP
from loki_bench.plugins.ownership import normal_name
from loki_bench.suite.components import ComponentRef

__all__ = ["PluginCode", "code_of_other_plugins", "installed_code"]

HOST = "loki-bench"
CODE = (".py", ".pyc", ".so", ".pyd")


@dataclass(frozen=True, kw_only=True)
class PluginCode:
    """Where a plugin's code lies.

    Attributes
    ----------
    owner : str
        Its distribution's name, as package indexes compare them.
    top : str
        The package or module that its hooks are in.
    code : frozenset of Path
        All that its distribution installed for import.
    """

    owner: str
    top: str
    code: frozenset[Path]


def code_of_other_plugins(used: Iterable[ComponentRef]) -> tuple[Path, ...]:
    """Packages and modules of all plugins but the host's and those that ``used`` come from.

    Returns
    -------
    tuple of Path
        Folders and files, in order; what a distribution in use has, too, is not among them.
    """
    components = tuple(used)
    kept = {HOST, *(normal_name(component.distribution) for component in components)}
    plugins = installed_code()
    needed = {_top(component.target) for component in components}
    needed |= {plugin.top for plugin in plugins if plugin.owner in kept}
    shown = {path for name in needed for path in _packages(name)}
    others = {path for plugin in plugins if plugin.owner not in kept for path in plugin.code}
    return tuple(sorted(path for path in others if not any(_is_around(path, one) for one in shown)))


def installed_code() -> tuple[PluginCode, ...]:
    """Of each plugin that is installed; looked for again once something was (un)installed."""
    return _installed_code(tuple(sys.path), tuple(map(_changed, sys.path)))


@lru_cache(maxsize=1)
def _installed_code(
    path: tuple[str, ...], changed: tuple[int | None, ...]
) -> tuple[PluginCode, ...]:
    return tuple(
        PluginCode(owner=_owner(entry), top=_top(entry.value), code=frozenset(_code(entry)))
        for entry in entry_points(group=ENTRY_POINT_GROUP)
    )


def _changed(folder: str) -> int | None:
    """When a name last came to a folder, or went; None where there is no folder."""
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return None


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
