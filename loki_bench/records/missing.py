"""Which cells of a grid have no record that can be used."""

from collections.abc import Mapping

from loki_bench.records.schema import Record
from loki_bench.suite.cell import Cell
from loki_bench.suite.grid import Grid

__all__ = ["missing_cells"]

MISSING = ""
"""The origin of a metric that a record has not; none that is there has an empty one."""


def missing_cells(grid: Grid, records: Mapping[str, Record], *, retry_failed: bool) -> list[Cell]:
    """Cells without a record that can be used.

    There is none, it is not whole, it lacks a metric, or its value is of another version of the
    third party's distribution that the metric comes from.
    """
    wanted = {metric.label: metric.foreign_origin for metric in grid.metrics}

    def settled(cell: Cell) -> bool:
        record = records.get(cell.id)
        if record is None:
            return False
        if record.status != "ok":
            return not retry_failed
        origins = {metric.label: metric.origin for metric in record.metrics}
        return all(origins.get(label, MISSING) == origin for label, origin in wanted.items())

    return [cell for cell in grid.cells if not settled(cell)]
