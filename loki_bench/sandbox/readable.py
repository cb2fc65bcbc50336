"""What a plugin's process may read: the interpreter, installed packages, the system's libraries.

An allow-list. What is closed (results, data) stays closed where it lies inside a folder on the
list; of a folder of sources on the path (a checkout, the working folder) only what can be imported
is on it, not the notes and files beside.
"""

import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["DEVICES", "Readable", "readable_paths", "search_again", "searches", "source_folders"]

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime"),
    *("/etc/timezone", "/etc/ssl/openssl.cnf"),
    # how many processors and how much memory there is; of processes, only this one
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/loadavg"),
    *("/proc/version", "/proc/filesystems", "/proc/sys/kernel", "/proc/sys/vm"),
    *("/sys/devices/system", "/sys/fs/cgroup", "/sys/kernel/mm"),
)
OWN_PROCESS = "/proc/self"
OF_AN_ENVIRONMENT = (
    *("bin", "include", "lib", "lib32", "lib64", "libexec", "share", "ssl", "pyvenv.cfg"),
)
INSTALLED = ("site-packages", "dist-packages")
IMPORTABLE = (".py", ".pyc", ".so", ".pyd", ".zip", ".egg")
METADATA = (".dist-info", ".egg-info", ".egg")

MOST_SEARCHES = 8
"""That a process remembers and tells: a suite's attacks need one or two."""
_searches: list[list[list[str]]] = []


@dataclass(frozen=True, kw_only=True)
class Readable:
    """What a plugin's process may read.

    Attributes
    ----------
    paths : tuple of str
        Folders, with all that lies in them, and files.
    listed : tuple of str
        Folders whose names it may see, at any depth, for imports to find what it may read there.
    """

    paths: tuple[str, ...]
    listed: tuple[str, ...]


def readable_paths(closed: tuple[Path, ...], *, code: tuple[Path, ...] = ()) -> Readable:
    """Folders and files that a plugin's process may read.

    Parameters
    ----------
    closed : tuple of Path
        Folders of which nothing is readable, unless a package is installed in them.
    code : tuple of Path
        Packages and modules that can't be read; their names may be seen.
    """
    libraries = frozenset(library.parent for library in _loaded_libraries())
    n_before = _readable_paths.cache_info().misses
    found = _readable_paths(closed, code, tuple(sys.path), libraries)
    if _readable_paths.cache_info().misses > n_before:
        _searches.append([[str(path) for path in paths] for paths in (closed, code)])
    return found


def searches() -> list[list[list[str]]]:
    """What :func:`readable_paths` had to look for in this process, as plain data."""
    return _searches[:MOST_SEARCHES]


def search_again(told: Iterable[object]) -> None:
    """Look for what a copy of this process told by :func:`searches`: the next copies need not.

    A plugin may have told it: whatever else is told is passed over.
    """
    for search in list(told)[:MOST_SEARCHES]:
        match search:
            case [[*closed], [*code]]:
                with suppress(Exception):
                    readable_paths(_paths(closed), code=_paths(code))
    _searches.clear()  # the next copies tell their own


def _paths(names: Iterable[Any]) -> tuple[Path, ...]:
    return tuple(map(Path, names))


@lru_cache(maxsize=2 * MOST_SEARCHES)
def _readable_paths(
    closed: tuple[Path, ...],
    code: tuple[Path, ...],
    path: tuple[str, ...],
    libraries: frozenset[Path],
) -> Readable:
    """Looked for once in each worker: packages stay where they are while it runs."""
    private = {folder.resolve() for folder in closed}
    kept_closed = private | {place.resolve() for place in code}
    allowed = {Path(path).resolve() for path in SYSTEM}
    for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}:
        allowed |= {Path(prefix, part).resolve() for part in OF_AN_ENVIRONMENT}
    allowed.add(Path(sys.executable).resolve())
    allowed |= {Path(path).resolve() for path in _installed()}
    for folder in source_folders():
        allowed |= {path.resolve() for path in _importable(Path(folder))}
    allowed |= set(_of_editable_installs())
    allowed |= {folder for folder in libraries if not _inside(folder, allowed)}
    found = {str(around) for path in allowed for around in _around(path, kept_closed)}
    above = {
        folder
        for place in kept_closed - private
        for folder in place.parents
        if _inside(folder, allowed) and not any(_inside(one, (folder,)) for one in private)
    }
    return Readable(
        paths=(OWN_PROCESS, *_without_inner(found)),
        listed=tuple(_without_inner(set(map(str, above)))),
    )


def _without_inner(paths: set[str]) -> list[str]:
    """Paths that lie below no other of them, in order."""
    return sorted(
        path for path in paths if not any(str(above) in paths for above in Path(path).parents)
    )


def source_folders() -> list[str]:
    """Folders on the path that no installer wrote: a checkout, the working folder."""
    installed = [Path(path).resolve() for path in _installed()]
    found = [Path(path).absolute() for path in sys.path]
    return [
        str(path)
        for path in dict.fromkeys(found)
        if path.is_dir() and not any(path.resolve().is_relative_to(folder) for folder in installed)
    ]


def _installed() -> Iterator[str]:
    """Folders and archives that installers write."""
    yield from sysconfig.get_paths().values()
    yield from site.getsitepackages()
    if site.ENABLE_USER_SITE:
        yield site.getusersitepackages()
    for path in sys.path:
        if Path(path).name in INSTALLED or Path(path).is_file():
            yield path


def _importable(folder: Path) -> Iterator[Path]:
    """What can be imported from a folder: modules, packages, and what is told of them."""
    try:
        children = list(folder.iterdir())
    except OSError:
        return
    for child in children:
        if child.name.startswith("."):
            continue
        if child.suffix in (IMPORTABLE if child.is_file() else METADATA) or _is_package(child):
            yield child


def _is_package(folder: Path) -> bool:
    """A package, or a namespace that holds one."""
    if not folder.is_dir():
        return False
    if (folder / "__init__.py").is_file():
        return True
    try:
        return any(
            child.suffix in IMPORTABLE or (child / "__init__.py").is_file()
            for child in folder.iterdir()
        )
    except OSError:
        return False


def _of_editable_installs() -> Iterator[Path]:
    """Packages that setuptools finds by a table of its own, beside the path."""
    for name, module in list(sys.modules.items()):
        mapping = getattr(module, "MAPPING", None)
        if name.startswith("__editable__") and isinstance(mapping, dict):
            yield from (Path(path).resolve() for path in mapping.values())


def _loaded_libraries() -> set[Path]:
    """Shared libraries that this process runs on, wherever an administrator put them."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return set()
    paths = {line[line.index("/") :] for line in lines if "/" in line and ".so" in line}
    return {Path(path) for path in paths}


def _inside(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _around(path: Path, closed: set[Path]) -> Iterator[Path]:
    """``path`` without what is closed in it; a rule for a folder holds for all below it."""
    if path in closed:
        return
    if not any(folder.is_relative_to(path) for folder in closed):
        if path.exists():
            yield path
        return
    if path.is_dir():
        for child in path.iterdir():
            if not child.is_symlink():
                yield from _around(child, closed)
