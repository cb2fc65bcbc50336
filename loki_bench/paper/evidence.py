"""What records say about the paper's claims: display rates by row and seed, and lengths."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from loki_bench.errors import StoreError
from loki_bench.leaderboard.comparability import (
    differing_fields,
    lacking_seeds,
    said_differences,
)
from loki_bench.leaderboard.rows import NO_DEFENSE, NO_SIMULATOR, by_protocol
from loki_bench.leaderboard.tabulation import protocol_of
from loki_bench.paper.claims import BASELINES
from loki_bench.records.schema import Record
from loki_bench.suite.actions import GENUINE

__all__ = [
    "ACTIONS",
    "ATTACK",
    "METRIC",
    "SHARE",
    "VICTIMS",
    "BySeed",
    "Evidence",
    "Lengths",
    "NoAnswer",
    "Where",
]

METRIC = "display_rate@10"
ATTACK = "loki"
VICTIMS = ("bprmf", "fpmc")
SHARE, ACTIONS = 0.03, 15
"""The budget of the paper's Figure 3."""

PAPERS = (ATTACK, *BASELINES)
"""The attacks of the paper: their seeds are those that every row should have."""

LEAST_SHARE = 0.005
"""Where Figure 4 begins here; smaller shares are another question."""

BySeed: TypeAlias = Mapping[int, float]
Lengths: TypeAlias = Mapping[int, int]
"""Number of sequences by length."""


class NoAnswer(Exception):  # noqa: N818  # nothing is wrong: cells are not there yet
    """The records can't answer; the message says which rows or seeds they lack."""


class Where(NamedTuple):
    """One victim under one budget."""

    victim: str
    fake_users: float
    actions: int

    def __str__(self) -> str:
        return f"{self.victim}, {100 * self.fake_users:g} % x {self.actions}"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The records of one protocol, put in order.

    Attributes
    ----------
    values : mapping of place to attack to seed to display rate
        Undefended attacks as they are (no placebo), with the victim's recommender left out of the
        surrogates; failed cells are not there.
    lengths : mapping of (place, attack) to (genuine, fake)
        Numbers of training sequences of each length, genuine ones and injected ones; of the
        first seed.
    n_users, n_items, n_events : int
        Of the dataset.
    """

    values: Mapping[Where, Mapping[str, BySeed]]
    lengths: Mapping[tuple[Where, str], tuple[Lengths, Lengths]]
    n_users: int
    n_items: int
    n_events: int

    @classmethod
    def of(cls, records: Iterable[Record]) -> "Evidence":
        """From records, in any order; a cell may come several times.

        Raises
        ------
        StoreError
            There are none, or they are of two datasets or protocols.
        """
        groups = by_protocol({record.id: record for record in records}.values())
        if len(groups) != 1:
            if not groups:
                raise StoreError("there is no record to answer the paper's claims from")
            protocols = [protocol_of(group[0].cell) for group in groups]
            raise StoreError(
                f"the records are of {len(groups)} protocols, which differ in "
                f"{said_differences(differing_fields(protocols))}; claims are answered for one"
            )
        values: dict[Where, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
        lengths: dict[tuple[Where, str], tuple[Lengths, Lengths]] = {}
        for entry in groups[0]:
            key, record = entry.row, entry.record
            usual = key.simulator in (NO_SIMULATOR, "leave-one-out")
            if record is None or not usual or key.placebo or key.defense != NO_DEFENSE:
                continue
            # a victim with other parameters is a row of its own and still the paper's recommender
            if key.actions == GENUINE:  # the paper has no such budget
                continue
            where = Where(record.cell.victim.name, key.fake_users, key.actions)
            value, seed = record.value(METRIC), record.cell.seed
            if value is not None:
                if seed in values[where][key.attacker]:
                    raise StoreError(f"{key.attacker} on {where} has two cells of seed {seed}")
                values[where][key.attacker][seed] = value
            if record.lengths is not None and (where, key.attacker) not in lengths:
                lengths[where, key.attacker] = (record.lengths.genuine, record.lengths.fake)
        dataset = groups[0][0].cell.dataset
        return cls(
            values=values,
            lengths=lengths,
            n_users=dataset.n_users,
            n_items=dataset.n_items,
            n_events=dataset.n_events,
        )

    def rates(self, where: Where, named: Sequence[str] = PAPERS) -> dict[str, BySeed]:
        """Display rates of all attacks at a place, by seed; other rows may lack seeds.

        Parameters
        ----------
        named : sequence of str
            The rows that a claim names: no other takes its answer away.

        Raises
        ------
        NoAnswer
            A row that is named is not there, or lacks a seed of LOKI or of the paper's baselines.
        """
        there = self.values.get(where, {})
        for attack in named:
            if not there.get(attack):
                raise NoAnswer(f"{attack} on {where} has no result")
            if lacking := self._lacking(where, attack):
                raise NoAnswer(lacking)
        return dict(there)

    def lacking(self, places: Iterable[Where]) -> str:
        """The first row of any of the places that lacks a seed, as a sentence; empty for none."""
        rows = ((where, attack) for where in places for attack in self.values.get(where, {}))
        return next((said for row in rows if (said := self._lacking(*row))), "")

    def _lacking(self, where: Where, attack: str) -> str:
        """Which seeds of LOKI and of the paper's baselines a row has no result for."""
        there = self.values[where]
        seeds = {seed for one in PAPERS for seed in there.get(one, {})}
        lacking = lacking_seeds(seeds, there[attack])
        if not lacking:
            return ""
        word = "seed" if len(lacking) == 1 else "seeds"
        return f"{attack} on {where} has no result for {word} {', '.join(map(str, lacking))}"

    def series(self, victim: str, *, over: str) -> list[Where]:
        """The places of one victim along ``"fake_users"`` (x 15) or ``"actions"`` (at 3 %).

        Raises ``NoAnswer`` where there are fewer than three.
        """
        found = sorted(
            where
            for where, rows in self.values.items()
            if where.victim == victim and ATTACK in rows and _belongs(where, over)
        )
        if len(found) < 3:
            budgets = "1 budget" if len(found) == 1 else f"{len(found)} budgets"
            raise NoAnswer(f"{ATTACK} on {victim} has results at {budgets}; a series needs three")
        return found


def _belongs(where: Where, over: str) -> bool:
    if over == "fake_users":
        return where.actions == ACTIONS and where.fake_users >= LEAST_SHARE
    return where.fake_users == SHARE
