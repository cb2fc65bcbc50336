"""What a suite planned, as a manifest keeps it: the suite's keys, and every cell with its part."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue

__all__ = ["Digest", "Plan", "PlannedCell", "Role"]

Digest: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

Role: TypeAlias = Literal["attack", "baseline", "placebo", "no attack"]
"""A cell's part in its table; ``no attack`` is the clean victim."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PlannedCell(_Frozen):
    """One cell: its part, the row of the table that it belongs to, and its seed."""

    role: Role
    row: str
    seed: int

    def __str__(self) -> str:
        return f"{self.row}, seed {self.seed} ({self.role})"


class Plan(_Frozen):
    """All that a suite asked for.

    Attributes
    ----------
    suite : mapping of key to JSON
        Every key of the suite, defaults included; of files of somebody's own, the names alone.
    cells : mapping of cell id to PlannedCell
    """

    suite: dict[str, JsonValue]
    cells: dict[Digest, PlannedCell]
