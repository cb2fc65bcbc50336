"""Judges whether the data are the paper's: its numbers of users, items and activities."""

from loki_bench.paper.claims import Claim
from loki_bench.paper.evidence import Evidence
from loki_bench.paper.verdicts import Judgement

__all__ = ["same_data"]

USERS, ITEMS, ACTIVITIES = 22_363, 12_101, 146_031
"""The paper, 4.1."""


def same_data(claim: Claim, evidence: Evidence) -> tuple[str, Judgement, None, str]:
    """Holds where all three numbers are the paper's; otherwise it is not reproduced."""
    ours = (evidence.n_users, evidence.n_items, evidence.n_events)
    theirs = (USERS, ITEMS, ACTIVITIES)
    decided = f"{ours[2]:,} beside {ACTIVITIES:,} activities"
    text = f"{ours[0]:,} users, {ours[1]:,} items, {ours[2]:,} events"
    if ours == theirs:
        judged = Judgement(verdict="holds", decided_by=decided)
        return text, judged, None, "All three numbers are the paper's."
    judged = Judgement(verdict="not reproduced", decided_by=decided)
    same = [
        name
        for name, own, other in zip(("users", "items", "activities"), ours, theirs, strict=True)
        if own == other
    ]
    why = f"The same number of {' and '.join(same)}." if same else "None of them is the same."
    return text, judged, None, why
