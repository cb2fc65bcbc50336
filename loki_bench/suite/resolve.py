"""From a suite and the installed plugins to cells that can be run, with every check made first."""

from dataclasses import dataclass
from pathlib import Path

from loki_bench.datasets.data_folder import data_folder
from loki_bench.errors import DatasetError, LokiBenchError, SuiteError
from loki_bench.interactions import Interactions
from loki_bench.plugins.registry import Registry
from loki_bench.plugins.specs import DatasetSpec
from loki_bench.suite.cell import DatasetRef
from loki_bench.suite.components import resolve
from loki_bench.suite.grid import Grid, expand
from loki_bench.suite.suite import Choice, Suite

__all__ = ["ResolvedSuite", "load_dataset", "prepare"]


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
        dataset, interactions = load_dataset(suite.dataset, registry, download=download)
    except DatasetError:
        raise
    except LokiBenchError as error:
        raise SuiteError(f"suite '{suite.name}': {error}") from error
    return ResolvedSuite(
        suite=suite,
        grid=expand(suite, registry, dataset, interactions),
        interactions=interactions,
        dataset=dataset,
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
    spec, origin = registry.find(DatasetSpec, choice.name)
    loader = spec.build(choice.parameters)
    # A record names the file, not where this machine keeps it.
    named = {k: Path(str(v)).name if k == "path" else v for k, v in choice.parameters.items()}
    component = resolve(spec, origin, named)
    interactions = loader.load(folder or data_folder(), download=download)
    if not isinstance(interactions, Interactions) or not interactions.n_events:
        raise DatasetError(f"dataset '{choice.name}' of {origin} holds no events")
    return (
        DatasetRef(
            component=component,
            fingerprint=interactions.fingerprint(),
            n_users=interactions.n_users,
            n_items=interactions.n_items,
            n_events=interactions.n_events,
        ),
        interactions,
    )
