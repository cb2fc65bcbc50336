"""A third party's plugin from its entry point to what it declares, as plain data.

Its module, and the targets that it names, are imported in the process that is sent the request
(:mod:`loki_bench.sandbox.child`), so that the host need not.
"""

import json
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np

from loki_bench.plain_data import in_short
from loki_bench.plugins.documented_parameters import with_documentation
from loki_bench.plugins.hookspecs import ENTRY_POINT_GROUP
from loki_bench.plugins.registry import declared_by
from loki_bench.plugins.spec_data import JsonData, data_of
from loki_bench.plugins.specs import ComponentSpec
from loki_bench.plugins.target_facts import TargetFacts, parameters_of
from loki_bench.sandbox.attack_request import Ask, Reply
from loki_bench.timing import timed

__all__ = ["MOST_FILES", "PluginRequest", "declare_for_host"]

MOST_FILES = 2000
INSTALLED = ("site-packages", "dist-packages")


@dataclass(frozen=True, kw_only=True)
class PluginRequest:
    """A plugin by its entry point."""

    name: str
    value: str


def declare_for_host(request: PluginRequest, ask: Ask) -> Reply:
    """Import a plugin and all that it declares; ``ask`` goes unused.

    Returns
    -------
    (arrays, report, costs)
        ``document``, the bytes of a JSON object: ``components``
        (:func:`~loki_bench.plugins.spec_data.data_of`) and ``files``, those that were read for it
        and may be changed where they lie.
    """
    entry = EntryPoint(name=request.name, value=request.value, group=ENTRY_POINT_GROUP)
    done = timed(lambda: _document(entry), compiles=False)
    content = json.dumps(done.value, allow_nan=False).encode()
    return {"document": np.frombuffer(content, np.uint8)}, {}, done.costs


def _document(entry: EntryPoint) -> JsonData:
    specs = declared_by(entry)
    packages = {_package(entry.value), *(_package(spec.target) for spec in specs)}
    components = [data_of(spec, _facts(spec)) for spec in specs]
    return {"components": components, "files": sorted(set(_files(packages)))[:MOST_FILES]}


def _facts(spec: ComponentSpec) -> TargetFacts:
    """What a target takes; a target that can't be imported says so where it is asked for."""
    try:
        target = spec.resolve()
        return TargetFacts(parameters=with_documentation(parameters_of(target), target))
    except BaseException as error:  # whatever a module raises when it is imported
        cause = error.__cause__ or error
        return TargetFacts(parameters=(), problem=in_short(f"{type(cause).__name__}: {cause}"))


def _files(packages: set[str]) -> Iterator[str]:
    """Modules of the plugin's own packages, and all others that no installer wrote."""
    standard = sysconfig.get_paths()["stdlib"]
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str):
            continue
        path = Path(file)
        installed = path.is_relative_to(standard) or bool(set(INSTALLED) & set(path.parts))
        if path.is_absolute() and (_package(name) in packages or not installed):
            yield file


def _package(name: str) -> str:
    return name.partition(":")[0].partition(".")[0]
