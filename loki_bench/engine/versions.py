"""Whether the machines of a cluster have the distributions that a grid's results depend on."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from loki_bench.suite.grid import Grid

__all__ = ["NUMERICAL", "differences", "installed", "needed_versions"]

NUMERICAL = ("numpy", "scipy", "scikit-learn", "torch", "numba", "recbole")
"""Other versions of these may give other last bits, and no error tells."""


def needed_versions(grid: Grid) -> dict[str, str]:
    """The distributions that a grid's components come from, and loki-bench itself."""
    components = [cell.dataset.component for cell in grid.cells]
    for cell in grid.cells:
        components += [cell.victim, cell.attacker]
        components += [used.recommender for used in cell.surrogates]
        components += [part for part in (cell.influence, cell.defense) if part is not None]
    found = {component.distribution: component.version for component in components}
    found |= {metric.origin.distribution: metric.origin.version for metric in grid.metrics}
    return {**found, "loki-bench": installed("loki-bench") or ""}


def installed(distribution: str) -> str | None:
    """The version that is installed here, or None."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def differences(wanted: Mapping[str, str | None], found: Mapping[str, str | None]) -> str:
    """``"no loki-bench-x (this run needs 1.2), ..."``, or nothing where all agree."""
    return ", ".join(
        f"{name} {found[name]} (this run needs {wanted[name]})"
        if found.get(name)
        else f"no {name} (this run needs {wanted[name]})"
        for name in sorted(wanted)
        if found.get(name) != wanted[name]
    )
