"""The LOKI attack: groups, simulator, agent, then the fake users' sequences (WWW 2020)."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.draws import equal_length_sequences
from loki_bench.attackers.loki.config import AgentConfig
from loki_bench.attackers.loki.crafting import (
    WrittenSequences,
    click_values,
    interleaved,
    write_sequences,
)
from loki_bench.attackers.loki.environment import GroupEnvironment, draw_items
from loki_bench.attackers.loki.fitted_weights import with_fitted_weights
from loki_bench.attackers.loki.groups import ItemDraw, ItemGroups, item_groups
from loki_bench.attackers.loki.outcome_estimator import OutcomeEstimator, fit_estimators
from loki_bench.attackers.loki.plan import AttackPlan
from loki_bench.attackers.loki.policy import PolicyName, trained_policy
from loki_bench.attackers.loki.target_samples import Reward, target_samples
from loki_bench.attackers.promoted_items import promoted_items
from loki_bench.contracts import Attacker, AttackerView
from loki_bench.errors import ParameterError
from loki_bench.interactions import Sequences
from loki_bench.seeds import generator_for, seed_for

__all__ = ["Loki"]

GroupChoice = Literal["paper", "no-target-user-group"]
WeightChoice = Literal["suite", "fit"]

_PLANNED_SEQUENCES = 4096
"""Group sequences that a plan holds; fake users draw from them."""

_PROBES = 512
"""Sequences from which the value of a click on each target is averaged."""

_REFERENCE_SEQUENCES = 256
"""Sequences of random groups by which each surrogate's rewards are standardised."""


class Loki(Attacker):
    """Fake users whose groups of items are chosen by a deep Q-network (the paper, section 3).

    The agent is trained on a simulator of recommenders that never include the victim, and is
    rewarded by influence functions instead of retraining. Which influence estimator that is, the
    suite says (``influence`` beside the attacker). To demote, the targets' rivals are promoted
    (:func:`promoted_items`) and the targets are never selected.

    Where the paper is silent: the trained agent writes every fake user's groups greedily, except
    for a share ``crafting_epsilon`` of random steps; items differ from fake user to fake user. The
    other choices are documented at :class:`AgentConfig`, :mod:`~loki_bench.attackers.loki.groups`
    (unit-length factors) and :mod:`~loki_bench.attackers.loki.outcome_estimator` (scales).

    Parameters
    ----------
    policy : "dqn", "random-groups" or "best-single-group"
        The paper's agent, or an ablation that learns nothing.
    weights : "suite" or "fit"
        The simulator's w_m (Eq. 1): those that the suite gives its surrogates, or fitted to the
        victim's answers (:mod:`~loki_bench.attackers.loki.fitted_weights`), for which the suite
        must grant queries.
    groups : "paper" or "no-target-user-group"
        The ablation clusters the target users' items with the rest.
    reward : "contrast", "influence" or "simulator-rank"
        Influence on the mean score of the target samples above everyone's (our extension), on
        their mean score (the paper), or on their mean rank (Eq. 1); see
        :func:`~loki_bench.attackers.loki.target_samples.objective_of`.
    n_clusters : int
        The paper's c, which it does not give.
    n_factors : int
        Rank of the factorisation before clustering.
    items : "balanced" or "uniform"
        How target users' items are drawn: a target user first, so that all are reached (our
        extension), or all alike (the paper).
    clicks_per_target : int
        Promote only as many targets as the budget gives so many clicks each (our extension, see
        :mod:`~loki_bench.attackers.loki.crafting`); 0 promotes all (the paper).
    interleave : bool
        Spread the clicks on targets evenly where no surrogate depends on the order of events, so
        that the reward leaves it open (our extension, see
        :mod:`~loki_bench.attackers.loki.crafting`).
    crafting_epsilon : float in [0, 1]
    skip_nondifferentiable : bool
        Leave out surrogates that can't be differentiated, instead of refusing them.
    discount, learning_rate, epsilon_end : float
        See :class:`AgentConfig`.
    n_iterations, episodes_per_iteration, updates_per_iteration : int
        See :class:`AgentConfig`.
    embedding_size, hidden_size : int
        See :class:`AgentConfig`.

    Raises
    ------
    ParameterError
        A value can't be used.
    """

    def __init__(
        self,
        *,
        policy: str = "dqn",
        weights: str = "suite",
        groups: str = "paper",
        reward: str = "contrast",
        n_clusters: int = 10,
        n_factors: int = 16,
        items: str = "balanced",
        clicks_per_target: int = 20,
        interleave: bool = True,
        crafting_epsilon: float = 0.0,
        skip_nondifferentiable: bool = False,
        discount: float = AgentConfig.discount,
        learning_rate: float = AgentConfig.learning_rate,
        n_iterations: int = AgentConfig.n_iterations,
        episodes_per_iteration: int = AgentConfig.episodes_per_iteration,
        updates_per_iteration: int = AgentConfig.updates_per_iteration,
        epsilon_end: float = AgentConfig.epsilon_end,
        embedding_size: int = AgentConfig.embedding_size,
        hidden_size: int = AgentConfig.hidden_size,
    ) -> None:
        self._weights: WeightChoice = _one_of("weights", weights, get_args(WeightChoice))
        self._policy: PolicyName = _one_of("policy", policy, get_args(PolicyName))
        self._groups: GroupChoice = _one_of("groups", groups, get_args(GroupChoice))
        self._reward: Reward = _one_of("reward", reward, get_args(Reward))
        self._n_clusters = _at_least("n_clusters", n_clusters, 0)
        self._n_factors = _at_least("n_factors", n_factors, 1)
        self._item_draw: ItemDraw = _one_of("items", items, get_args(ItemDraw))
        self._clicks_per_target = _at_least("clicks_per_target", clicks_per_target, 0)
        self._interleave = interleave
        if not 0 <= crafting_epsilon <= 1:
            raise _bad("crafting_epsilon", crafting_epsilon, "a share between 0 and 1")
        self._crafting_epsilon = crafting_epsilon
        self._skip_nondifferentiable = skip_nondifferentiable
        self._config = AgentConfig(
            discount=discount,
            learning_rate=learning_rate,
            n_iterations=n_iterations,
            episodes_per_iteration=episodes_per_iteration,
            updates_per_iteration=updates_per_iteration,
            epsilon_end=epsilon_end,
            embedding_size=embedding_size,
            hidden_size=hidden_size,
        )
        self._report: Mapping[str, object] = {}

    @property
    def report(self) -> Mapping[str, object]:
        """Plain data about the last crafting: groups, solver, learning curve, group sequence."""
        return self._report

    def poison(self, view: AttackerView) -> Sequences:
        """Write the budget, from the view's plan or from a new one; see ``Attacker.poison``.

        Raises
        ------
        ParameterError
            There are more clusters than items.
        RejectedError
            Nothing can be promoted, or no surrogate can be used.
        InvalidAnswerError
            The influence estimator diverges.
        """
        if not view.budget.n_fake_users or not view.budget.n_actions:
            return Sequences.empty()
        plan = self._plan(view) if view.prepared is None else AttackPlan.from_arrays(view.prepared)
        written = write_sequences(
            plan,
            view.budget.n_fake_users,
            clicks_per_target=self._clicks_per_target,
            rng=generator_for(view.seed, "crafting"),
        )
        self._report = {**plan.report, **_report(plan, written)}
        return equal_length_sequences(written.items)

    def prepare(self, view: AttackerView) -> dict[str, NDArray[Any]]:
        """Train the agent, for any number of fake users; see ``Attacker.prepare``.

        Raises as :meth:`poison` does.
        """
        return self._plan(view).as_arrays() if view.budget.n_actions else {}

    def _plan(self, view: AttackerView) -> AttackPlan:
        if self._weights == "fit":
            view = with_fitted_weights(view, seed=seed_for(view.seed, "queries"))
        promoted = promoted_items(view)
        users, items = target_samples(
            view.history,
            view.goal.users,
            promoted,
            repeats_are_shown=view.repeats == "allow",
        )
        groups = item_groups(
            view.history,
            promoted,
            view.goal.users,
            excluded=np.setdiff1d(view.goal.items, promoted),
            n_clusters=self._n_clusters,
            n_factors=self._n_factors,
            with_target_user_group=self._groups == "paper",
            item_draw=self._item_draw,
            seed=seed_for(view.seed, "groups"),
        )
        estimators = fit_estimators(
            view,
            users,
            items,
            reward=self._reward,
            skip_nondifferentiable=self._skip_nondifferentiable,
            seed=seed_for(view.seed, "influence"),
        )
        horizon = view.budget.n_actions
        outcome = OutcomeEstimator(
            estimators,
            _random_sequences(groups, horizon, generator_for(view.seed, "reference")),
        )
        environment = GroupEnvironment(groups, outcome, horizon)
        policy, curve = trained_policy(
            self._policy,
            environment,
            self._config,
            crafting_epsilon=self._crafting_epsilon,
            seed=seed_for(view.seed, "policy"),
        )
        rng = generator_for(view.seed, "plan")
        sequences = policy.group_sequences(_PLANNED_SEQUENCES, rng)
        if self._interleave and not any(fitted.uses_order for fitted in estimators):
            sequences = interleaved(sequences)
        probes = draw_items(groups, sequences[:_PROBES], rng)
        rewards = outcome.step_rewards(probes)
        return AttackPlan(
            groups=groups,
            click_values=click_values(probes, rewards, groups.members[0]),
            sequences=sequences,
            report={
                "groups": groups.sizes,
                "surrogates": {
                    fitted.name: {
                        "weight": fitted.weight,
                        "uses_order": fitted.uses_order,
                        "reward_scale": outcome.scales[fitted.name],
                        "estimator": _finite(fitted.estimator.report),
                    }
                    for fitted in estimators
                },
                "learning_curve": None if curve is None else curve.as_lists(),
                "mean_return": float(rewards.sum(axis=1).mean()),
            },
        )


def _random_sequences(
    groups: ItemGroups, horizon: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    actions = rng.integers(len(groups), size=(_REFERENCE_SEQUENCES, horizon))
    return draw_items(groups, actions, rng)


def _finite(report: Mapping[str, float]) -> dict[str, float]:
    """Without what has no value, as a residual where nothing is solved: records hold no NaN."""
    return {name: float(value) for name, value in report.items() if np.isfinite(value)}


def _report(plan: AttackPlan, written: WrittenSequences) -> dict[str, object]:
    counts = Counter(tuple(row) for row in written.groups.tolist())
    most_common, n_most_common = counts.most_common(1)[0]
    names = plan.groups.names
    return {
        "group_sequence": [names[group] for group in most_common],
        "group_sequence_share": n_most_common / len(written.groups),
        "n_group_sequences": len(counts),
        "group_shares": {
            name: float((written.groups == number).mean()) for number, name in enumerate(names)
        },
        "promoted_items": written.targets.tolist(),
    }


def _one_of(name: str, value: str, known: tuple[str, ...]) -> Any:
    if value not in known:
        raise _bad(name, value, "one of " + ", ".join(known))
    return value


def _at_least(name: str, value: int, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise _bad(name, value, f"an integer of at least {least}")
    return value


def _bad(name: str, value: object, expected: str) -> ParameterError:
    return ParameterError(f"attacker 'loki': {name} = {value!r}, expected {expected}")
