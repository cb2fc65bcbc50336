"""The names that people use: BPR-MF, GRU4Rec, LOKI, display rate@10; ids stand where one types."""

import re

from loki_bench.leaderboard.rows import NO_ATTACK, NO_DEFENSE, NO_SIMULATOR, shown_budget
from loki_bench.suite.actions import GENUINE, Actions

__all__ = [
    "attack_name",
    "budget_name",
    "file_name",
    "full_budget_name",
    "metric_name",
    "person_name",
    "place_name",
    "shown_label",
]

PEOPLE_SAY = {
    "bprmf": "BPR-MF",
    "fpmc": "FPMC",
    "gru4rec": "GRU4Rec",
    "transrec": "TransRec",
    "sasrec": "SASRec",
    "bert4rec": "BERT4Rec",
    "caser": "Caser",
    "lightgcn": "LightGCN",
    "narm": "NARM",
    "loki": "LOKI",
    "pga": "PGA",
    "revadv": "RevAdv",
    "sharpap": "SharpAP",
    "poisonrec": "PoisonRec",
}

METRICS = {"hr": "HR", "ndcg": "NDCG", "hr change": "HR change", "clean hr lost": "clean HR lost"}

_IDS = "|".join(sorted(PEOPLE_SAY, key=len, reverse=True))
_ID = re.compile(rf"(?<![\w.-])({_IDS})(?![\w-])(?!\.\w)")
"""An id as a word of its own: ``loki`` in ``loki (all)``, not in ``my-loki``."""


def person_name(text: str) -> str:
    """A label or a sentence with the ids in it as people say them.

    >>> person_name("loki (single: gru4rec(loss=BPR))")
    'LOKI (single: GRU4Rec(loss=BPR))'
    """
    return _ID.sub(lambda found: PEOPLE_SAY[found[1]], text)


def attack_name(attacker: str, simulator: str = NO_SIMULATOR) -> str:
    """An attack with its simulator where it is not the protocol's own."""
    if attacker == NO_ATTACK:
        return "no attack"
    name = person_name(attacker)
    usual = simulator in (NO_SIMULATOR, "leave-one-out")
    return name if usual else f"{name} ({person_name(simulator)})"


def metric_name(label: str) -> str:
    """``display rate@10`` of ``display_rate@10``, ``HR@10`` of ``hr@10``."""
    name, at, cutoff = label.replace("_", " ").partition("@")
    return f"{METRICS.get(name, name)}{at}{cutoff}"


def budget_name(fake_users: float, actions: Actions) -> str:
    """A budget in a heading: ``3 % x 15``."""
    return shown_budget(fake_users, actions, None)


def full_budget_name(fake_users: float, actions: Actions, event_share: float | None = None) -> str:
    """``3 % fake users x 15 actions each (5.07 % of events)``."""
    each = "genuine lengths" if actions == GENUINE else f"{actions} actions each"
    events = "" if event_share is None else f" ({100 * event_share:.3g} % of events)"
    return f"{100 * fake_users:g} % fake users x {each}{events}"


def place_name(victim: str, defense: str = NO_DEFENSE) -> str:
    """The victim, and what defends it."""
    name = person_name(victim)
    return name if defense == NO_DEFENSE else f"{name} defended by {person_name(defense)}"


def file_name(text: str) -> str:
    """A name that any file system and any link takes: ``gru4rec-loss-BPR``.

    >>> file_name("gru4rec(loss=BPR)")
    'gru4rec-loss-BPR'
    """
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-.") or "unnamed"


def shown_label(label: str) -> str:
    """The label of an attack in a figure, see :func:`~loki_bench.report.figure_data.attack_of`."""
    return "no attack" if label == NO_ATTACK else person_name(label)
