"""What a record says of the fake users that were written, and of the attacks that were tried."""

from collections import Counter

import numpy as np

from loki_bench.attackers.easiest_users import shared_out
from loki_bench.attackers.loki.crafting import WrittenSequences
from loki_bench.attackers.loki.design import Design
from loki_bench.attackers.loki.groups import ItemGroups
from loki_bench.attackers.loki.search import Found, Judged
from loki_bench.attackers.loki.served_users import ServedUsers
from loki_bench.contracts import AttackerView

__all__ = ["report_of_design", "report_of_sequences"]


def report_of_sequences(groups: ItemGroups, written: WrittenSequences) -> dict[str, object]:
    """The most frequent group sequence, its share, the groups' shares and the promoted items."""
    counts = Counter(tuple(row) for row in written.groups.tolist())
    most_common, n_most_common = counts.most_common(1)[0]
    return {
        "group_sequence": [groups.names[group] for group in most_common],
        "group_sequence_share": n_most_common / len(written.groups),
        "n_group_sequences": len(counts),
        "group_shares": {
            name: float((written.groups == number).mean())
            for number, name in enumerate(groups.names)
        },
        "promoted_items": written.targets.tolist(),
    }


def report_of_design(
    view: AttackerView, users: ServedUsers, design: Design, found: Found | None
) -> dict[str, object]:
    """The same of a design, whom it serves, and what the simulator said of every design tried."""
    names = users.groups.names
    report: dict[str, object] = {
        "group_sequence": [names[group] for group in design.groups],
        "group_sequence_share": 1.0,
        "n_group_sequences": 1,
        "group_shares": {
            name: float((design.groups == number).mean()) for number, name in enumerate(names)
        },
        "promoted_items": design.targets.tolist(),
    }
    if users.serves_one and not design.mixed:
        counts = shared_out(design.weights, view.budget.n_fake_users)
        report["fake_users_by_target_user"] = {
            str(user): int(n) for user, n in zip(view.goal.users, counts, strict=True)
        }
    if found is not None:
        report["simulator"] = {
            "display_rate": found.best.trial.display_rate,
            "chosen": found.tried.index(found.best),
            "tried": [_verdict(judged) for judged in found.tried],
        }
    return report


def _verdict(judged: Judged) -> dict[str, object]:
    return {
        "origin": judged.design.origin,
        "n_target_users": int(np.count_nonzero(judged.design.weights)),
        "n_targets": len(judged.design.targets),
        "display_rate": judged.trial.display_rate,
        "vote_display_rate": judged.trial.vote_display_rate,
        "by_surrogate": judged.trial.by_surrogate,
    } | ({} if judged.trial.found is None else {"found": dict(judged.trial.found)})
