"""Events of a fake user: one number for all, or the lengths of genuine users."""

from typing import Literal, TypeAlias

__all__ = ["GENUINE", "Actions", "actions_order"]

Actions: TypeAlias = int | Literal["genuine"]
"""Of a budget: the most events of each fake user, or a length drawn from genuine users for each."""

GENUINE: Literal["genuine"] = "genuine"


def actions_order(actions: Actions) -> float:
    """A place in order: numbers as they are, genuine lengths after all of them."""
    return float("inf") if actions == GENUINE else float(actions)
