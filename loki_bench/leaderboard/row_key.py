"""What makes a row of a table: cells that differ in their seed alone."""

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["BASELINES", "NO_DEFENSE", "SINGLE", "Block", "RowKey", "row_key"]

BASELINES = ("none", "random", "popular")
"""The paper's baselines; a row's gain is measured against the best of them."""

NO_DEFENSE = "none"

SINGLE = "single: "
"""What the simulator of one surrogate is called, before that surrogate's name."""


class Block(NamedTuple):
    """Rows that are compared with each other: one victim under one budget, with one defense."""

    victim: str
    fake_users: float
    actions: int
    defense: str


class RowKey(NamedTuple):
    """One attack on one victim with one budget, one defense and one simulator."""

    victim: str
    fake_users: float
    actions: int
    defense: str
    attacker: str
    simulator: str
    placebo: bool

    @property
    def block(self) -> Block:
        """The rows that this one is compared with."""
        return Block(self.victim, self.fake_users, self.actions, self.defense)

    @property
    def is_baseline(self) -> bool:
        """Whether it is one of the paper's baselines."""
        return self.attacker in BASELINES and not self.placebo

    @property
    def of_placebo(self) -> "RowKey":
        """The placebo of this attack."""
        return self._replace(placebo=True)

    @property
    def of_none(self) -> "RowKey":
        """The clean victim beside it."""
        return self._replace(attacker="none", simulator="-", placebo=False)

    def __str__(self) -> str:
        simulator = "" if self.simulator == "-" else f" ({self.simulator})"
        placebo = ", placebo" if self.placebo else ""
        budget = f"{100 * self.fake_users:g} % x {self.actions}"
        defended = "" if self.defense == NO_DEFENSE else f" defended by {self.defense}"
        return f"{self.attacker}{placebo}{simulator} on {self.victim}{defended}, {budget}"


def row_key(cell: Mapping[str, Any]) -> RowKey:
    """The row of a record's ``cell``."""
    return RowKey(
        victim=_label(cell["victim"]),
        fake_users=cell["budget"]["fake_users"],
        actions=cell["budget"]["actions"],
        defense=_label(cell["defense"]) if cell.get("defense") else NO_DEFENSE,
        attacker=_label(
            cell["attacker"],
            None if cell.get("influence_is_default") else cell.get("influence"),
            cell.get("oracle"),
        ),
        simulator=_simulator(cell),
        placebo=bool(cell.get("placebo")),
    )


def _simulator(cell: Mapping[str, Any]) -> str:
    """The simulator's name; that of a single surrogate says which one it is."""
    if cell["simulator"] == "single":
        return f"{SINGLE}{_label(cell['surrogates'][0]['recommender'])}"
    return cell["simulator"] or "-"


def _label(
    component: Mapping[str, Any],
    influence: Mapping[str, Any] | None = None,
    oracle: Mapping[str, Any] | None = None,
) -> str:
    changed = dict(component["changed"])
    if oracle is not None:
        changed["queries"] = oracle["queries"]
    if influence is not None and (influence["name"] != "cg" or influence["changed"]):
        changed["influence"] = _label(influence)
    if not changed:
        return str(component["name"])
    values = ", ".join(f"{name}={value}" for name, value in sorted(changed.items()))
    return f"{component['name']}({values})"
