"""Whether the machines of a cluster have the distributions that a grid's results depend on."""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from loki_bench.plugins.ownership import own_modules
from loki_bench.suite.cell import Cell
from loki_bench.suite.components import ComponentRef
from loki_bench.suite.grid import ChosenMetric, Grid

__all__ = ["NUMERICAL", "differences", "installed", "needed_modules", "needed_versions"]

NUMERICAL = ("numpy", "scipy", "scikit-learn", "torch", "numba", "recbole")
"""Other versions of these may give other last bits, and no error tells."""


def needed_versions(grid: Grid) -> dict[str, str]:
    """The distributions that a grid's components come from, and loki-bench itself."""
    found = {used.distribution: used.version for used in _components_of(grid.cells)}
    found |= {metric.origin.distribution: metric.origin.version for metric in grid.metrics}
    return {**found, "loki-bench": installed("loki-bench") or ""}


def needed_modules(cells: Sequence[Cell], metrics: Sequence[ChosenMetric]) -> tuple[str, ...]:
    """The modules of this project's own components in cells, and of their metrics."""
    targets = [used.target for used in _components_of(cells)]
    return own_modules([*targets, *(metric.spec.target for metric in metrics)])


def installed(distribution: str) -> str | None:
    """The version that is installed here, or None."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _components_of(cells: Sequence[Cell]) -> list[ComponentRef]:
    found = [cell.dataset.component for cell in cells]
    for cell in cells:
        found += [cell.victim, cell.attacker]
        found += [used.recommender for used in cell.surrogates]
        found += [part for part in (cell.influence, cell.defense) if part is not None]
    return found


def differences(wanted: Mapping[str, str | None], found: Mapping[str, str | None]) -> str:
    """``"no loki-bench-x (this run needs 1.2), ..."``, or nothing where all agree."""
    return ", ".join(
        f"{name} {found[name]} (this run needs {wanted[name]})"
        if found.get(name)
        else f"no {name} (this run needs {wanted[name]})"
        for name in sorted(wanted)
        if found.get(name) != wanted[name]
    )
