"""What makes a row of a table: cells that differ in their seed alone, and the entries behind it.

Three per cent of users are many events where users are short and few where they are long, so a
budget is shown with the share of events that it adds, which compares across data sets.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, NamedTuple, TypeAlias

from loki_bench.records.schema import Record, Status
from loki_bench.suite.actions import GENUINE, Actions, actions_order
from loki_bench.suite.cell import Cell

__all__ = [
    "NO_ATTACK",
    "NO_DEFENSE",
    "NO_SIMULATOR",
    "REPLAYED",
    "SINGLE",
    "Block",
    "Entry",
    "EventShares",
    "ProtocolKey",
    "RowKey",
    "by_protocol",
    "event_shares",
    "name_of",
    "protocol_key",
    "row_key",
    "shown_budget",
    "table_row",
    "under_key",
]

NO_ATTACK = "none"
"""The attack that a suite adds: the clean victim."""

NO_DEFENSE = "none"
NO_SIMULATOR = "-"

SINGLE = "single: "
"""What the simulator of one surrogate is called, before that surrogate's name."""

REPLAYED = "replay: "
"""What a poison that was handed in is called, before its name."""

ProtocolKey: TypeAlias = tuple[str, str, int, str, str]


class Block(NamedTuple):
    """Rows that are compared with each other: one victim under one budget, with one defense."""

    victim: str
    fake_users: float
    actions: Actions
    defense: str


class RowKey(NamedTuple):
    """One attack on one victim with one budget, one defense and one simulator."""

    victim: str
    fake_users: float
    actions: Actions
    defense: str
    attacker: str
    simulator: str
    placebo: bool

    def __lt__(self, other: tuple[object, ...]) -> bool:
        """In the order of their parts; genuine lengths come after all numbers of actions."""
        if not isinstance(other, RowKey):
            return NotImplemented
        return self._order < other._order

    @property
    def _order(self) -> tuple[str, float, float, str, str, str, bool]:
        return (*self[:2], actions_order(self.actions), *self[3:])

    @property
    def block(self) -> Block:
        """The rows that this one is compared with."""
        return Block(self.victim, self.fake_users, self.actions, self.defense)

    def __str__(self) -> str:
        simulator = "" if self.simulator == NO_SIMULATOR else f" ({self.simulator})"
        placebo = ", placebo" if self.placebo else ""
        budget = f"{100 * self.fake_users:g} % x {self.actions}"
        defended = "" if self.defense == NO_DEFENSE else f" defended by {self.defense}"
        return f"{self.attacker}{placebo}{simulator} on {self.victim}{defended}, {budget}"


def name_of(attacker: str, simulator: str) -> str:
    """An attack with its simulator, if it has one: ``loki (leave-one-out)``."""
    return attacker if simulator == NO_SIMULATOR else f"{attacker} ({simulator})"


def row_key(cell: Cell) -> RowKey:
    """The row that a cell belongs to."""
    told = {} if cell.knowledge is None else cell.knowledge.told
    if cell.oracle is not None:
        told["queries"] = cell.oracle.queries
    if cell.influence is not None and not cell.influence_is_default:
        told["influence"] = cell.influence.label
    simulator = cell.simulator or NO_SIMULATOR
    if cell.simulator == "single":
        simulator = f"{SINGLE}{cell.surrogates[0].recommender.label}"
    return RowKey(
        victim=cell.victim.label if cell.regime is None else cell.regime_label,
        fake_users=cell.budget.fake_users,
        actions=cell.budget.actions,
        defense=NO_DEFENSE if cell.defense is None else cell.defense.label,
        attacker=cell.attacker.label_with(told),
        simulator=simulator,
        placebo=cell.placebo,
    )


def table_row(cell: Cell) -> tuple[ProtocolKey, RowKey]:
    """The row of its table: cells that agree in it differ in their seed alone.

    A folder into which rows were accepted has cells of one row under several run keys.
    """
    return protocol_key(cell), row_key(cell)


def under_key(row: RowKey, key: str) -> str:
    """A row's name beside rows of other run keys; under public seeds it is the row's alone."""
    return f"{row}, fresh key {key}" if key else str(row)


@dataclass(frozen=True)
class Entry:
    """A cell of a table with its record; a cell that has none yet is shown, not hidden."""

    cell: Cell
    record: Record | None
    row: RowKey

    @property
    def status(self) -> Status | Literal["missing"]:
        """How the cell ended."""
        return "missing" if self.record is None else self.record.status

    def value(self, label: str) -> float | None:
        """The value of a metric; None where there is none."""
        return None if self.record is None else self.record.value(label)


def by_protocol(records: Iterable[Record], missing: Iterable[Cell] = ()) -> list[list[Entry]]:
    """The entries of each table, in the order of the tables; the same in any order of records."""
    entries = [Entry(record.cell, record, row_key(record.cell)) for record in records]
    entries += [Entry(cell, None, row_key(cell)) for cell in missing]
    groups: dict[ProtocolKey, list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[protocol_key(entry.cell)].append(entry)
    return [sorted(group, key=_order) for _, group in sorted(groups.items())]


def protocol_key(cell: Cell) -> ProtocolKey:
    """The table that a cell belongs to: its data and protocol, the run key included."""
    return (
        cell.dataset.component.name,
        cell.dataset.fingerprint,
        cell.protocol_version,
        repr(sorted(cell.protocol)),
        cell.isolation,
    )


def _order(entry: Entry) -> tuple[RowKey, int, str]:
    return entry.row, entry.cell.seed, "" if entry.record is None else entry.record.id


EventShares: TypeAlias = Mapping[tuple[float, Actions], float]
"""By share of fake users and actions; a budget whose events are not known is left out."""


def event_shares(entries: Iterable[Entry]) -> EventShares:
    """Events that each budget of one dataset grants, over all genuine events.

    The number of fake users times their actions. With genuine lengths it is what the fake users'
    lengths add up to, as attacks that were run have it, in the mean over seeds; those of a budget
    that nobody was run with are not known.
    """
    found: dict[tuple[float, Actions], float] = {}
    drawn: dict[tuple[float, Actions], dict[int, float]] = {}
    for entry in entries:
        budget, n_genuine = entry.cell.budget, entry.cell.dataset.n_events
        place = (budget.fake_users, budget.actions)
        if budget.actions != GENUINE:
            found[place] = budget.n_fake_users * budget.actions / n_genuine
            continue
        spent = None if entry.record is None else entry.record.spent
        if spent is not None and spent.fake_users:
            # each fake user has exactly the length that it was given: all attacks of a seed agree
            drawn.setdefault(place, {})[entry.cell.seed] = spent.events / n_genuine
    return found | {place: fmean(shares.values()) for place, shares in drawn.items()}


def shown_budget(fake_users: float, actions: Actions, event_share: float | None) -> str:
    """A budget as tables have it.

    >>> shown_budget(0.03, 15, 0.0507)
    '3 % x 15 (5.07 % of events)'
    >>> shown_budget(0.03, "genuine", None)
    '3 % x genuine'
    """
    events = "" if event_share is None else f" ({100 * event_share:.3g} % of events)"
    return f"{100 * fake_users:g} % x {actions}{events}"
