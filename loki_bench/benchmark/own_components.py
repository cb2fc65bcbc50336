"""Builds this project's own components before a run: a value that one refuses is told at once."""

from collections.abc import Iterable

from loki_bench.errors import ParameterError
from loki_bench.plugins.kept_components import KeptComponents
from loki_bench.plugins.ownership import is_own_target
from loki_bench.suite.cell import Cell

__all__ = ["try_own"]


def try_own(suite_name: str, cells: Iterable[Cell]) -> None:
    """Build each own component of the cells once, unless it is known that it can be built.

    Nobody else's code is run here. To build one imports torch, so what was built is kept between
    commands.

    Raises ``ParameterError`` with the suite's name.
    """
    built = KeptComponents()
    for cell in cells:
        parts = [cell.attacker, cell.victim, cell.defense, cell.influence]
        for part in [*parts, *(surrogate.recommender for surrogate in cell.surrogates)]:
            if part is None or not is_own_target(part.target) or part.is_handed_in:
                continue
            if built.has(part.target, part.parameters):
                continue
            try:
                part.build()
            except ParameterError as error:
                raise ParameterError(f"suite '{suite_name}': {error}") from error
            built.add(part.target, part.parameters)
    built.keep()
