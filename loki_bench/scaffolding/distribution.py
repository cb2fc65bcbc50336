"""Writes a complete plugin distribution: a component that works, its tests, and what installs it.

The files under ``templates`` are plain files in which ``$name`` and its like stand for what the
author chose (:class:`string.Template`); ``$$`` is a dollar sign. Those in ``distribution`` are part
of every plugin, those of a kind's own folder are its code and tests.
"""

import hashlib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING

from loki_bench import __version__
from loki_bench.errors import UsageError
from loki_bench.plugins.ownership import is_own_distribution
from loki_bench.plugins.registry import Registry
from loki_bench.plugins.specs import nearest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable  # Python 3.10 has it elsewhere

__all__ = ["KINDS", "PluginKind", "write_distribution"]

_NAME = re.compile(r"[a-z][a-z0-9]*([-_.][a-z0-9]+)*")
_LONGEST_NAME = 60  # a folder's name, and a wheel's, must stay below 255 characters
_NUMPY, _SCIPY, _TORCH = '"numpy>=1.26"', '"scipy>=1.12"', '"torch>=2.2"'
_TYPING = '"typing_extensions>=4.10"'


@dataclass(frozen=True, kw_only=True)
class PluginKind:
    """A kind of component that a distribution can be made for.

    Attributes
    ----------
    title : str
        The kind as specs and the conformance kit call it.
    module : str
        The module of the new package that holds the component.
    suffix : str
        How the names of its classes (or functions) end: no name then is one that they import.
    dependencies : tuple of str
        Requirements beside loki-bench itself, as they stand in ``pyproject.toml``.
    """

    title: str
    module: str
    suffix: str
    dependencies: tuple[str, ...]


KINDS: Mapping[str, PluginKind] = MappingProxyType(
    {
        "attacker": PluginKind(
            title="attacker", module="attack", suffix="Attack", dependencies=(_NUMPY,)
        ),
        "dataset": PluginKind(
            title="dataset", module="dataset", suffix="Dataset", dependencies=(_NUMPY,)
        ),
        "defense": PluginKind(
            title="defense", module="defense", suffix="Defense", dependencies=(_NUMPY,)
        ),
        "differentiable-recommender": PluginKind(
            title="recommender",
            module="recommender",
            suffix="Model",
            dependencies=(_NUMPY, _TORCH, _TYPING),
        ),
        "influence-estimator": PluginKind(
            title="influence estimator",
            module="estimator",
            suffix="Influence",
            dependencies=(_NUMPY, _SCIPY, _TORCH, _TYPING),
        ),
        "list-recommender": PluginKind(
            title="recommender",
            module="recommender",
            suffix="Service",
            dependencies=(_NUMPY, _TYPING),
        ),
        "metric": PluginKind(
            title="metric", module="metric", suffix="_at_k", dependencies=(_NUMPY,)
        ),
        "recommender": PluginKind(
            title="recommender",
            module="recommender",
            suffix="Model",
            dependencies=(_NUMPY, _SCIPY, _TYPING),
        ),
        "robust-training": PluginKind(
            title="defense", module="defense", suffix="Training", dependencies=(_NUMPY,)
        ),
        "sequence-recommender": PluginKind(
            title="recommender",
            module="recommender",
            suffix="Model",
            dependencies=(_NUMPY, _SCIPY, _TYPING),
        ),
        "weighting-defense": PluginKind(
            title="defense", module="defense", suffix="Weights", dependencies=(_NUMPY,)
        ),
    }
)


def write_distribution(
    kind: str, name: str, *, folder: Path | None = None, registry: Registry
) -> tuple[Path, list[Path]]:
    """Write the distribution ``loki-bench-<name>``: all of it, or nothing.

    Parameters
    ----------
    kind : str
        A key of :data:`KINDS`.
    name : str
        The component's name: a letter, then lower case letters, digits, ``-``, ``_`` and ``.``.
    folder : Path, optional
        What to write, which must not exist; by default the distribution's name, here.
    registry : Registry
        What is installed: no second component of the kind may have the name.

    Returns
    -------
    (folder, files)
        The files relative to the folder, ordered by name.

    Raises
    ------
    UsageError
        An unknown kind, an unusable or taken name, one whose distribution or package is there
        already, a folder that exists or can't be written.
    """
    if kind not in KINDS:
        raise UsageError(
            f"no template for the kind '{kind}'{nearest(kind, list(KINDS))}; "
            f"there are: {', '.join(KINDS)}"
        )
    _check_name(KINDS[kind], name, registry)
    where = folder or Path(f"loki-bench-{_dashed(name)}")
    if where.exists() or where.is_symlink():
        raise UsageError(f"{where} exists already: choose another name, or --folder")
    if not where.absolute().parent.is_dir():
        raise UsageError(f"{where}: there is no folder {where.parent} to write it into")
    contents = _contents(kind, name)
    try:
        with TemporaryDirectory(dir=where.absolute().parent, prefix=".loki-bench-new-") as scratch:
            for path, content in contents.items():
                file = Path(scratch, "new", path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            Path(scratch, "new").rename(where)
    except OSError as error:
        raise UsageError(f"{where} could not be written: {error.strerror or error}") from error
    return where, sorted(contents)


def _check_name(kind: PluginKind, name: str, registry: Registry) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise UsageError(
            f"'{name}' can't be the name of a component: expected a letter, then lower case "
            f"letters and digits, parted by '-', '_' or '.'; {_LONGEST_NAME} characters at most"
        )
    for component in registry.components(kind.title):
        if component.spec.name == name:
            raise UsageError(
                f"the {kind.title} '{name}' is declared by {component.origin} already: "
                "choose another name, or uninstall that"
            )
    _refuse_installed(_values(kind, name))


def _refuse_installed(values: Mapping[str, str]) -> None:
    """Raise ``UsageError`` where to install the new distribution would replace another one.

    A third party's may declare nothing that loads, so the registry does not have it.
    """
    distribution, package = values["distribution"], values["package"]
    if is_own_distribution(distribution):
        raise UsageError(
            f"'{values['name']}' would be written as the distribution {distribution}, which is one "
            "of this project's own, and installing it would replace that: choose another name"
        )
    try:
        version = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        version = ""
    if version:
        raise UsageError(
            f"'{values['name']}' would be written as the distribution {distribution}, and "
            f"{distribution} {version} is installed, which it would replace: choose another name, "
            "or uninstall that"
        )
    if find_spec(package) is not None:
        raise UsageError(
            f"'{values['name']}' would be written as the package {package}, and there is one of "
            "that name to be imported, which it would hide or be hidden by: choose another name"
        )


def _contents(kind: str, name: str) -> dict[Path, bytes]:
    """The bytes of every file, by its path in the distribution."""
    chosen = KINDS[kind]
    shared, own = (files(__package__) / "templates" / part for part in ("distribution", kind))
    values = _values(chosen, name)
    values |= {
        f"{file.name.removesuffix('.csv')}_sha256": hashlib.sha256(file.read_bytes()).hexdigest()
        for file in own.iterdir()
        if file.name.endswith(".csv")
    }
    about = tomllib.loads(_filled(own / "about.toml.tmpl", values))
    values |= {"more_files": "", **about, "usage": about["usage"].strip()}
    package = Path(values["package"])
    places = {
        Path("pyproject.toml"): shared / "pyproject.toml.tmpl",
        Path("README.md"): shared / "README.md.tmpl",
        Path(".gitignore"): shared / "gitignore.tmpl",
        Path(".github", "workflows", "tests.yml"): shared / "tests.yml.tmpl",
        package / "__init__.py": shared / "init.py.tmpl",
    }
    for file in own.iterdir():
        if file.name != "about.toml.tmpl":
            part = Path("tests") if file.name.startswith("test_") else package
            places[part / file.name.removesuffix(".tmpl")] = file
    return {
        path: _filled(file, values).encode() if file.name.endswith(".tmpl") else file.read_bytes()
        for path, file in places.items()
    }


def _values(kind: PluginKind, name: str) -> dict[str, str]:
    words = re.split(r"[-_.]", name)
    return {
        "name": name,
        "kind": kind.title,
        "module": kind.module,
        "distribution": f"loki-bench-{_dashed(name)}",
        "package": f"loki_bench_{'_'.join(words)}",
        "class_name": "".join(word.capitalize() for word in words) + kind.suffix,
        "function_name": "_".join(words) + kind.suffix,
        "dependencies": "\n".join(f"    {requirement}," for requirement in kind.dependencies),
        "loki_bench_version": __version__,
    }


def _filled(file: "Traversable", values: Mapping[str, str]) -> str:
    return Template(file.read_text("utf-8")).substitute(values)


def _dashed(name: str) -> str:
    return re.sub(r"[-_.]", "-", name)
