"""Which cells of a grid have no record that can be used."""

from collections.abc import Mapping

from loki_bench.records.schema import Record
from loki_bench.suite.cell import Cell
from loki_bench.suite.grid import Grid

__all__ = ["missing_cells"]


def missing_cells(grid: Grid, records: Mapping[str, Record], *, retry_failed: bool) -> list[Cell]:
    """Cells without a record that can be used: none, not whole, or lacking a metric."""
    wanted = {metric.label for metric in grid.metrics}

    def settled(cell: Cell) -> bool:
        record = records.get(cell.id)
        if record is None:
            return False
        if record.status != "ok":
            return not retry_failed
        return all(record.metric(label) is not None for label in wanted)

    return [cell for cell in grid.cells if not settled(cell)]
