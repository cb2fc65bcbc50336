"""The plan that a manifest keeps: a suite's keys and its cells, named as the table names them."""

from collections.abc import Sequence

from pydantic import JsonValue

from loki_bench.leaderboard.rows import NO_ATTACK, row_key
from loki_bench.records.plan import Plan, PlannedCell, Role
from loki_bench.suite.cell import Cell
from loki_bench.suite.components import HANDED_IN
from loki_bench.suite.resolve import file_name
from loki_bench.suite.suite import Choice, Suite

__all__ = ["plan_of", "planned_cell", "suite_keys"]


def plan_of(suite: Suite, cells: Sequence[Cell]) -> Plan:
    """What a suite asks for: all of its keys, and its cells."""
    return Plan(
        suite=suite_keys(suite),
        cells={cell.id: planned_cell(cell) for cell in cells},
    )


def suite_keys(suite: Suite) -> dict[str, JsonValue]:
    """Every key, defaults included; where somebody's files lie is left out, their names stay."""
    named = {key: file_name(key, value) for key, value in suite.dataset.parameters.items()}
    dataset = suite.dataset.model_copy(update={"parameters": named})
    attackers = [_without_folders(choice) for choice in suite.attackers]
    named_suite = suite.model_copy(update={"dataset": dataset, "attackers": attackers})
    keys: dict[str, JsonValue] = named_suite.model_dump(mode="json")
    return keys


def _without_folders(choice: Choice) -> Choice:
    """Poison in a file by the file's name."""
    if choice.name != HANDED_IN:
        return choice
    named = {key: file_name(key, value) for key, value in choice.parameters.items()}
    return choice.model_copy(update={"parameters": named})


def planned_cell(cell: Cell) -> PlannedCell:
    """A cell's part, its row and its seed."""
    return PlannedCell(role=_role(cell), row=str(row_key(cell)), seed=cell.seed)


def _role(cell: Cell) -> Role:
    if cell.placebo:
        return "placebo"
    if cell.attacker.name == NO_ATTACK:
        return "no attack"
    return "baseline" if cell.is_baseline else "attack"
