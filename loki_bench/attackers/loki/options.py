"""LOKI's choices, checked, and the two presets that fill those that are left open."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from loki_bench.attackers.loki.config import ValueTargets
from loki_bench.attackers.loki.groups import ItemDraw
from loki_bench.attackers.loki.policy import PolicyName
from loki_bench.attackers.loki.simulator_trial import TriedSurrogates
from loki_bench.attackers.loki.target_samples import Reward
from loki_bench.contracts import Goal
from loki_bench.errors import ParameterError
from loki_bench.parameters import require_count, require_flag, require_number

__all__ = ["PRESETS", "LokiOptions", "options_of"]

Decision: TypeAlias = Literal["simulator", "simulator-rows", "estimate"]
Serving: TypeAlias = Literal["one-user", "all-users"]
TargetOrder: TypeAlias = Literal["rarest", "value"]
GroupChoice: TypeAlias = Literal["paper", "no-target-user-group"]
WeightChoice: TypeAlias = Literal["suite", "fit"]
LastItems: TypeAlias = Literal["known", "predicted"]

_WHO = "attacker 'loki'"


@dataclass(frozen=True, kw_only=True)
class LokiOptions:
    """What an attack does; each is explained at :class:`~loki_bench.attackers.loki.attacker.Loki`.

    Raises ``ParameterError`` where a value can't be used.
    """

    policy: PolicyName
    weights: WeightChoice
    groups: GroupChoice
    reward: Reward
    n_clusters: int
    n_factors: int
    items: ItemDraw
    clicks_per_target: int
    interleave: bool
    crafting_epsilon: float
    skip_nondifferentiable: bool
    decision: Decision
    serving: Serving
    target_order: TargetOrder
    tried_surrogates: TriedSurrogates
    list_length: int
    n_trials: int
    n_rounds: int
    motifs: bool
    value_targets: ValueTargets
    n_iterations: int
    check_estimates: bool
    last_items: LastItems
    stealth: float

    def __post_init__(self) -> None:
        for name, known in (
            ("policy", PolicyName),
            ("weights", WeightChoice),
            ("groups", GroupChoice),
            ("reward", Reward),
            ("items", ItemDraw),
            ("decision", Decision),
            ("serving", Serving),
            ("target_order", TargetOrder),
            ("tried_surrogates", TriedSurrogates),
            ("value_targets", ValueTargets),
            ("last_items", LastItems),
        ):
            if getattr(self, name) not in get_args(known):
                raise self._bad(name, "one of " + ", ".join(get_args(known)))
        for name, least in (
            ("n_clusters", 0),
            ("n_factors", 1),
            ("clicks_per_target", 0),
            ("list_length", 1),
            ("n_trials", 1),
            ("n_rounds", 0),
            ("n_iterations", 1),
        ):
            require_count(_WHO, name, getattr(self, name), least=least)
        for name in ("interleave", "skip_nondifferentiable", "motifs", "check_estimates"):
            require_flag(_WHO, name, getattr(self, name))
        require_number(_WHO, "crafting_epsilon", self.crafting_epsilon, most=1)
        require_number(_WHO, "stealth", self.stealth)
        if self.stealth and self.decision == "estimate":
            raise self._bad("stealth", "0, since decision is 'estimate', and asks no simulator")
        if self.last_items == "predicted" and self.serving != "one-user":
            raise self._bad("last_items", "'known', since serving is not 'one-user'")

    def clicks_on_each(self, goal: Goal) -> int:
        """So many clicks a small budget gives each of fewer items; 0 lifts all.

        To demote, all rivals are lifted: fewer than a list is long could not empty it of a target.
        """
        return 0 if goal.kind == "demote" else self.clicks_per_target

    def _bad(self, name: str, expected: str) -> ParameterError:
        return ParameterError(f"{_WHO}: {name} = {getattr(self, name)!r}, expected {expected}")


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "default": {
        "reward": "contrast",
        "items": "balanced",
        "clicks_per_target": 13,
        "interleave": True,
        "decision": "simulator",
        "serving": "one-user",
        "motifs": True,
        "value_targets": "return-to-go",
        "n_iterations": 60,
    },
    "paper": {
        "reward": "influence",
        "items": "uniform",
        "clicks_per_target": 0,
        "interleave": False,
        "decision": "estimate",
        "serving": "all-users",
        "motifs": False,
        "value_targets": "one-step",
        "n_iterations": 160,
    },
}
"""The paper's section 3 as it is written, and what was found to work better."""


def options_of(preset: str, given: Mapping[str, Any]) -> LokiOptions:
    """The options, with the preset's values for those given as None.

    Raises
    ------
    ParameterError
        The preset is unknown, or a value can't be used.
    """
    if preset not in tuple(PRESETS):  # a list has no hash
        raise ParameterError(f"{_WHO}: preset = {preset!r}, expected one of " + ", ".join(PRESETS))
    return LokiOptions(
        **{name: PRESETS[preset][name] if value is None else value for name, value in given.items()}
    )
