"""What LOKI learns before it knows how many fake users it has: enough to write any number of them.

Nothing that is trained depends on the number of fake users. One plan serves every share of
controlled users, and it holds no model: writing from it takes no time.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.loki.groups import ItemGroups

__all__ = ["AttackPlan"]


@dataclass(frozen=True, kw_only=True, eq=False)
class AttackPlan:
    """Groups, what clicks on targets are worth, and what the policy writes.

    Attributes
    ----------
    groups : ItemGroups
        The targets are group 0.
    click_values : float64 array of shape (n_targets,)
        Mean reward of a click on each target, in the order of the group; -inf for one that was
        never clicked.
    sequences : int64 array of shape (n_sequences, horizon)
        Group sequences of the policy, from which fake users draw theirs.
    proposals : dict of str to int64 array of shape (horizon,)
        Group sequences for fake users that serve one target user each, by origin, the one with
        the highest return first.
    report : mapping
        Plain data about how it came.
    """

    groups: ItemGroups
    click_values: NDArray[np.float64]
    sequences: NDArray[np.int64]
    proposals: dict[str, NDArray[np.int64]]
    report: Mapping[str, Any]

    @classmethod
    def of_one_action(cls, groups: ItemGroups, actions: ItemGroups) -> "AttackPlan":
        """The plan of fake users of one action, a click on a target: there is nothing to learn.

        Parameters
        ----------
        groups : ItemGroups
        actions : ItemGroups
            The groups as the record names them.
        """
        target = np.zeros(1, dtype=np.int64)
        return cls(
            groups=groups,
            click_values=np.zeros(len(groups.members[0])),
            sequences=target[None],
            proposals={"a target": target},
            report={"groups": actions.sizes, "surrogates": {}, "learning_curve": None},
        )

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """The plan as named arrays, none of which holds Python objects."""
        return {
            "group_names": np.array(self.groups.names),
            "group_sizes": np.array([len(items) for items in self.groups.members]),
            "group_items": np.concatenate(self.groups.members),
            "group_shares": np.concatenate(self.groups.shares),
            "click_values": self.click_values,
            "sequences": self.sequences,
            "proposal_names": np.array(list(self.proposals)),
            "proposals": np.array(list(self.proposals.values())),
            "report": np.array(json.dumps(self.report)),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "AttackPlan":
        """The plan that :meth:`as_arrays` made the arrays of."""
        ends = np.cumsum(arrays["group_sizes"])[:-1]
        return cls(
            groups=ItemGroups(
                names=tuple(arrays["group_names"].tolist()),
                members=tuple(np.split(arrays["group_items"], ends)),
                shares=tuple(np.split(arrays["group_shares"], ends)),
            ),
            click_values=arrays["click_values"],
            sequences=arrays["sequences"],
            proposals=dict(
                zip(arrays["proposal_names"].tolist(), arrays["proposals"], strict=True)
            ),
            report=json.loads(str(arrays["report"])),
        )
