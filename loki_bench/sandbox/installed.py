"""The installed plugins as the host knows them: no third party's code is imported for it.

What a third party's plugin declares is read in a confined process and comes back as data, which
is checked (:mod:`loki_bench.plugins.spec_data`) and kept
(:mod:`loki_bench.sandbox.kept_declarations`). Its datasets are read, and its metrics' ceilings
computed, in processes of their own, too.
"""

import json
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING

from loki_bench.errors import LokiBenchError
from loki_bench.plugins.registry import HOOKS, ForeignPluginError, Registry, discover
from loki_bench.plugins.spec_data import MOST_SPECS, JsonData, spec_of
from loki_bench.plugins.specs import ComponentSpec, DatasetSpec, MetricSpec
from loki_bench.sandbox.kept_declarations import keep, kept

if TYPE_CHECKING:
    from loki_bench.event_log import EventLog

__all__ = ["installed_plugins"]

SECONDS = 60.0
"""How long a plugin may take to declare its components; many import a framework for it."""
MEMORY_GIB = 4.0
MOST_DOCUMENT_BYTES = 4 << 20
MOST_FILES = 2000


def installed_plugins(*, disabled: Iterable[str] = (), strict: bool = False) -> Registry:
    """All installed components, see :func:`~loki_bench.plugins.registry.discover`."""
    return discover(disabled=disabled, strict=strict, foreign=_Confined())


class _Confined:
    """A third party's code, in processes of its own (``ForeignCode``)."""

    def specs(self, entry: EntryPoint) -> list[ComponentSpec]:
        document = kept(entry)
        if document is not None:
            try:
                return _specs(document)
            except ForeignPluginError:
                pass  # damaged: it is read again
        document = _read(entry)
        specs = _specs(document)
        files = document["files"]
        # What could not be imported may be there tomorrow: it is not kept.
        if _are_paths(files) and not any(_problem(spec) for spec in specs):
            keep(entry, document, files)
        return specs

    def read_dataset(
        self, spec: DatasetSpec, parameters: Mapping[str, object], *, folder: Path, download: bool
    ) -> "EventLog":
        from loki_bench.sandbox.foreign_dataset import read_dataset  # numpy and more

        return read_dataset(spec, parameters, folder=folder, download=download)

    def ceiling_of(self, spec: MetricSpec, *, n_targets: int, k: int | None) -> float | None:
        from loki_bench.sandbox.metric_request import ceiling_apart  # numpy and more

        return ceiling_apart(spec, n_targets=n_targets, k=k)


def _read(entry: EntryPoint) -> JsonData:
    """What a plugin declares, read in a confined process; raises with one sentence why not."""
    from loki_bench.datasets.data_folder import data_folder
    from loki_bench.sandbox.declare_request import PluginRequest
    from loki_bench.sandbox.parent import run_isolated  # numpy and more: only where it is needed

    def nothing(question: object) -> object:
        return {"refused": "there is nothing to ask here"}

    try:
        answer = run_isolated(
            "it",
            "loki_bench.sandbox.declare_request:declare_for_host",
            PluginRequest(name=entry.name, value=entry.value),
            answer=nothing,
            seconds=SECONDS,
            memory_gib=MEMORY_GIB,
            closed=data_folder(),
        )
    except TimeoutError:
        raise ForeignPluginError(f"it did not say within {SECONDS:g} s what it declares") from None
    except LokiBenchError as error:
        raise ForeignPluginError(str(error).removeprefix("it raised ")) from error
    content = answer.arrays.get("document")
    if content is None or content.nbytes > MOST_DOCUMENT_BYTES:
        raise ForeignPluginError(f"it declares more than {MOST_DOCUMENT_BYTES >> 20} MiB of text")
    try:
        document = json.loads(content.tobytes())
    except (ValueError, RecursionError):
        raise ForeignPluginError("it sent something other than JSON") from None
    if not isinstance(document, dict):
        raise ForeignPluginError("it sent no declaration")
    return document


def _specs(document: object) -> list[ComponentSpec]:
    """The specs of a declaration, each field checked; raises ``ForeignPluginError``."""
    components = document.get("components") if isinstance(document, dict) else None
    if not isinstance(components, list) or len(components) > MOST_SPECS * len(HOOKS):
        raise ForeignPluginError("it declares no list of components, or too long a one")
    try:
        return [spec_of(component) for component in components]
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ForeignPluginError(f"it sent a broken declaration ({str(error)[:300]})") from None


def _are_paths(files: object) -> bool:
    return (
        isinstance(files, list)
        and len(files) <= MOST_FILES
        and all(isinstance(file, str) and "\0" not in file for file in files)
    )


def _problem(spec: ComponentSpec) -> str:
    return "" if spec.target_facts is None else spec.target_facts.problem
