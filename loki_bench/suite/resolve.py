"""From a suite and the installed plugins to cells that can be run, with every check made first."""

from dataclasses import dataclass
from pathlib import Path

from loki_bench.datasets.data_folder import data_folder
from loki_bench.errors import DatasetError, LokiBenchError, SuiteError
from loki_bench.event_log import EventLog
from loki_bench.interactions import Interactions
from loki_bench.plugins.registry import Registry
from loki_bench.plugins.specs import DatasetSpec
from loki_bench.suite.cell import DatasetRef
from loki_bench.suite.components import resolve
from loki_bench.suite.grid import Grid, expand
from loki_bench.suite.suite import Choice, Parameter, Suite

__all__ = ["ResolvedSuite", "load_dataset", "prepare", "read_dataset"]


@dataclass(frozen=True, kw_only=True)
class ResolvedSuite:
    """A suite that passed every check that needs no computation."""

    suite: Suite
    grid: Grid
    interactions: Interactions
    dataset: DatasetRef


def prepare(suite: Suite, registry: Registry, *, download: bool) -> ResolvedSuite:
    """Resolve every component, read the dataset, and expand the grid.

    Raises ``UsageError`` with the suite's name where anything in it can't be used.
    """
    try:
        dataset, log = _load(suite.dataset, registry, download=download)
    except DatasetError:
        raise
    except LokiBenchError as error:
        raise SuiteError(f"suite '{suite.name}': {error}") from error
    _refuse_dropped(suite, log)
    return ResolvedSuite(
        suite=suite,
        grid=expand(suite, registry, dataset, log.interactions),
        interactions=log.interactions,
        dataset=dataset,
    )


def _refuse_dropped(suite: Suite, log: EventLog) -> None:
    """Refuse a target that the data had before its k-core."""
    for key, tokens, dropped in (
        ("targets", suite.protocol.targets, log.dropped_items),
        ("target_users", suite.protocol.target_users, log.dropped_users),
    ):
        for token in tokens:
            if token in dropped:
                raise SuiteError(
                    f"key 'protocol.{key}': the dataset's k_core dropped '{token}', which has "
                    f"{dropped[token]} events; choose another, or a k_core of at most so many"
                )


def load_dataset(
    choice: Choice, registry: Registry, *, download: bool, folder: Path | None = None
) -> tuple[DatasetRef, Interactions]:
    """Read a dataset by name.

    Raises
    ------
    DatasetError
        The data is missing or can't be read.
    PluginError, ParameterError
        No such dataset, or it refuses its parameters.
    """
    dataset, log = _load(choice, registry, download=download, folder=folder)
    return dataset, log.interactions


def _load(
    choice: Choice, registry: Registry, *, download: bool, folder: Path | None = None
) -> tuple[DatasetRef, EventLog]:
    spec, origin = registry.find(DatasetSpec, choice.name)
    component = resolve(spec, origin, {k: _named(k, v) for k, v in choice.parameters.items()})
    log = read_dataset(choice, registry, download=download, folder=folder)
    return (
        DatasetRef(
            component=component,
            fingerprint=log.interactions.fingerprint(),
            n_users=log.interactions.n_users,
            n_items=log.interactions.n_items,
            n_events=log.interactions.n_events,
            notes=log.notes,
        ),
        log,
    )


def read_dataset(
    choice: Choice, registry: Registry, *, download: bool, folder: Path | None = None
) -> EventLog:
    """Read a dataset by name, with all that is known of its events; raises as above."""
    spec, origin = registry.find(DatasetSpec, choice.name)
    folder = folder or data_folder()
    if spec.target_facts is not None and registry.foreign is not None:
        given = spec.in_present_words(choice.parameters)
        spec.check(given)
        log = registry.foreign.read_dataset(spec, given, folder=folder, download=download)
    else:
        log = spec.build(choice.parameters).read(folder, download=download)
    if not isinstance(log.interactions, Interactions) or not log.interactions.n_events:
        raise DatasetError(f"dataset '{choice.name}' of {origin} holds no events")
    return log


def _named(key: str, value: Parameter) -> Parameter:
    """A record names files, not where this machine keeps them."""
    if key not in ("path", "validation_path", "test_path"):
        return value
    if isinstance(value, list):
        return [Path(str(path)).name for path in value]
    return Path(str(value)).name
