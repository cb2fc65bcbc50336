"""The plan that a manifest keeps: a suite's keys and its cells, named as the table names them."""

from collections.abc import Sequence

from loki_bench.leaderboard.rows import NO_ATTACK, row_key
from loki_bench.records.plan import Plan, PlannedCell, Role
from loki_bench.suite.cell import Cell
from loki_bench.suite.suite import Suite
from loki_bench.suite.suite_keys import suite_keys

__all__ = ["plan_of", "planned_cell"]


def plan_of(suite: Suite, cells: Sequence[Cell]) -> Plan:
    """What a suite asks for: all of its keys, and its cells."""
    return Plan(
        suite=suite_keys(suite),
        cells={cell.id: planned_cell(cell) for cell in cells},
    )


def planned_cell(cell: Cell) -> PlannedCell:
    """A cell's part, its row and its seed."""
    return PlannedCell(role=_role(cell), row=str(row_key(cell)), seed=cell.seed)


def _role(cell: Cell) -> Role:
    if cell.placebo:
        return "placebo"
    if cell.attacker.name == NO_ATTACK:
        return "no attack"
    return "baseline" if cell.is_baseline else "attack"
