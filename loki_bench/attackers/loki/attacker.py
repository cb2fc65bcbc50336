"""The LOKI attack: groups, simulator, agent, then the fake users' sequences (WWW 2020)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.loki.config import AgentConfig
from loki_bench.attackers.loki.crafting import click_values, interleaved, write_sequences
from loki_bench.attackers.loki.environment import GroupEnvironment
from loki_bench.attackers.loki.estimate_check import agreements, down_weighted
from loki_bench.attackers.loki.fitted_weights import with_fitted_weights
from loki_bench.attackers.loki.groups import ItemGroups, item_groups
from loki_bench.attackers.loki.horizon import cut_to_lengths, horizon_of
from loki_bench.attackers.loki.next_items import NextItems, predicted_next
from loki_bench.attackers.loki.options import options_of
from loki_bench.attackers.loki.outcome_estimator import OutcomeEstimator, fit_estimators
from loki_bench.attackers.loki.plan import AttackPlan
from loki_bench.attackers.loki.policy import trained_policy
from loki_bench.attackers.loki.proposals import proposed
from loki_bench.attackers.loki.served_attack import ServedAttack
from loki_bench.attackers.loki.served_users import ServedUsers, served_users
from loki_bench.attackers.loki.target_samples import target_samples
from loki_bench.attackers.loki.written_report import report_of_design, report_of_sequences
from loki_bench.attackers.promoted_items import promoted_items
from loki_bench.contracts import Attacker, AttackerView
from loki_bench.interactions import Sequences
from loki_bench.seeds import generator_for, seed_for

__all__ = ["Loki"]

_PLANNED_SEQUENCES = 4096
"""Group sequences that a plan holds; fake users draw from them."""

_PROBES = 512
"""Sequences from which the value of a click on each target is averaged."""

_REFERENCE_SEQUENCES = 256
"""Sequences of random groups by which each surrogate's rewards are standardised."""


class Loki(Attacker):
    """Influence proposes what fake users do, the recommender simulator decides (the paper, Fig. 1).

    A deep Q-network chooses groups of items, rewarded by influence functions on surrogates (which
    influence estimator, the suite says). The preset ``"paper"`` writes what it learned, as section
    3 does. The preset ``"default"`` lets each fake user serve one target user
    (:mod:`~loki_bench.attackers.loki.served_users`), and takes the agent's sequence as one of a
    handful of whole attacks among which the surrogates decide, trained anew on each
    (:mod:`~loki_bench.attackers.loki.search`). To demote, the targets' rivals are promoted
    (:func:`promoted_items`) and the targets are never selected.

    With one action a fake user clicks a target, and nothing is learned. Of more than 60 actions the
    agent learns 60, and fake users repeat them.

    Other choices are documented at :class:`AgentConfig`, :mod:`~loki_bench.attackers.loki.groups`
    (unit-length factors) and :mod:`~loki_bench.attackers.loki.outcome_estimator` (scales).

    Parameters
    ----------
    preset : "default" or "paper"
        Gives the values of the parameters that are None; see
        :data:`~loki_bench.attackers.loki.options.PRESETS`.
    decision : "simulator", "simulator-rows" or "estimate", or None
        Who chooses among whole attacks: surrogates trained anew on each; surrogates of which only
        the rows of the target users, their items and the items to promote are trained anew, for
        large data; or the agent's reward alone (the paper).
    serving : "one-user" or "all-users", or None
        Whose items a fake user clicks: those of one target user, or of all (the paper).
    list_length : int
        K of the lists that users are shown, the paper's 10.
    n_trials : int
        Whole attacks that the simulator tries, each by one training of every surrogate. Where it
        is more than one, what ``covisit`` does is tried beyond them, too: on some data fake users
        that serve one target user each do worse, and the simulator can see it.
    n_rounds : int
        How many of them are rounds of allocation: more fake users for target users whose lists
        fall short (:mod:`~loki_bench.attackers.loki.allocation`).
    target_order : "rarest" or "value"
        Which targets a small budget keeps where fake users serve one target user: those with the
        fewest events, or those whose clicks the agent's reward values most.
    tried_surrogates : "tables" or "all"
        Which surrogates are trained anew: models of tables of factors where there are two of them,
        since networks take ten times as long, or all.
    policy : "dqn", "best-motif", "random-groups" or "best-single-group"
        The paper's agent, or one that learns nothing: an ablation.
    motifs : bool or None
        Whether short patterns of groups are tried on the agent's reward, too: the best one is
        proposed beside the agent's sequence, and replaces it where it pays more
        (:mod:`~loki_bench.attackers.loki.motifs`).
    value_targets : "return-to-go" or "one-step", or None
        See :class:`AgentConfig`.
    weights : "suite" or "fit"
        The simulator's w_m (Eq. 1): those that the suite gives its surrogates, or fitted to the
        victim's answers (:mod:`~loki_bench.attackers.loki.fitted_weights`), for which the suite
        must grant queries.
    groups : "paper" or "no-target-user-group"
        The ablation clusters the target users' items with the rest.
    reward : "contrast", "influence" or "simulator-rank", or None
        Influence on the mean score of the target samples above everyone's (our extension), on
        their mean score (the paper), or on their mean rank (Eq. 1); see
        :func:`~loki_bench.attackers.loki.target_samples.objective_of`.
    n_clusters : int
        The paper's c, which it does not give. Where fewer items are left beside the targets and
        the target users' items, there are as many clusters as items, or none.
    n_factors : int
        Rank of the factorisation before clustering.
    items : "balanced" or "uniform", or None
        How target users' items are drawn where a fake user serves all, for the agent's reward and
        where it decides: a target user first, so that all are reached (our extension), or all alike
        (the paper). In whole attacks that the simulator tries, each comes as often as another.
    clicks_per_target : int or None
        Promote only as many targets as the budget gives so many clicks each (our extension, see
        :mod:`~loki_bench.attackers.loki.crafting`); 0 promotes all (the paper), and so does every
        value where targets are to be demoted: all of their rivals are promoted.
    interleave : bool or None
        Spread the clicks on targets evenly where no surrogate depends on the order of events, so
        that the reward leaves it open (our extension, see
        :mod:`~loki_bench.attackers.loki.crafting`).
    crafting_epsilon : float in [0, 1]
        Share of random groups when the agent writes; the paper samples from its policy. Where the
        simulator decides or fake users serve one target user each, all of them do the same, the
        most frequent of 4096 sequences that the agent writes so.
    skip_nondifferentiable : bool
        Leave out surrogates that can't be differentiated, instead of refusing them.
    check_estimates : bool
        Compare each surrogate's influence on six patterns of clicks with its own retraining, and
        lower its weight in the agent's reward where the order differs
        (:mod:`~loki_bench.attackers.loki.estimate_check`). Six trainings of each surrogate.
    last_items : "known" or "predicted"
        What a click on a target user's last item is spent on: the last item that the attacker
        knows, or the few that the surrogates hold likeliest to come next
        (:mod:`~loki_bench.attackers.loki.next_items`): for an attacker without the latest events.
    stealth : float
        What being found costs where the simulator decides: the display rate less so many times
        how well the attacker's own detectors find an attack
        (:mod:`~loki_bench.attackers.loki.own_detectors`); 0 does not ask them.
    discount, learning_rate, epsilon_end : float
        See :class:`AgentConfig`.
    n_iterations : int or None
        See :class:`AgentConfig`.
    episodes_per_iteration, updates_per_iteration : int
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
        preset: str = "default",
        decision: str | None = None,
        serving: str | None = None,
        list_length: int = 10,
        n_trials: int = 8,
        n_rounds: int = 2,
        target_order: str = "rarest",
        tried_surrogates: str = "tables",
        policy: str = "dqn",
        motifs: bool | None = None,
        value_targets: str | None = None,
        weights: str = "suite",
        groups: str = "paper",
        reward: str | None = None,
        n_clusters: int = 10,
        n_factors: int = 16,
        items: str | None = None,
        clicks_per_target: int | None = None,
        interleave: bool | None = None,
        crafting_epsilon: float = 0.0,
        skip_nondifferentiable: bool = False,
        check_estimates: bool = False,
        last_items: str = "known",
        stealth: float = 0.0,
        discount: float = AgentConfig.discount,
        learning_rate: float = AgentConfig.learning_rate,
        n_iterations: int | None = None,
        episodes_per_iteration: int = AgentConfig.episodes_per_iteration,
        updates_per_iteration: int = AgentConfig.updates_per_iteration,
        epsilon_end: float = AgentConfig.epsilon_end,
        embedding_size: int = AgentConfig.embedding_size,
        hidden_size: int = AgentConfig.hidden_size,
    ) -> None:
        self._options = options_of(
            preset,
            {
                "decision": decision,
                "serving": serving,
                "list_length": list_length,
                "n_trials": n_trials,
                "n_rounds": n_rounds,
                "target_order": target_order,
                "tried_surrogates": tried_surrogates,
                "policy": policy,
                "motifs": motifs,
                "value_targets": value_targets,
                "n_iterations": n_iterations,
                "weights": weights,
                "groups": groups,
                "reward": reward,
                "n_clusters": n_clusters,
                "n_factors": n_factors,
                "items": items,
                "clicks_per_target": clicks_per_target,
                "interleave": interleave,
                "crafting_epsilon": crafting_epsilon,
                "skip_nondifferentiable": skip_nondifferentiable,
                "check_estimates": check_estimates,
                "last_items": last_items,
                "stealth": stealth,
            },
        )
        self._config = AgentConfig(
            discount=discount,
            learning_rate=learning_rate,
            n_iterations=self._options.n_iterations,
            episodes_per_iteration=episodes_per_iteration,
            updates_per_iteration=updates_per_iteration,
            epsilon_end=epsilon_end,
            embedding_size=embedding_size,
            hidden_size=hidden_size,
            value_targets=self._options.value_targets,
        )
        self._report: Mapping[str, object] = {}

    @property
    def report(self) -> Mapping[str, object]:
        """Plain data about the last crafting: groups, solver, learning curve, what was tried."""
        return self._report

    def poison(self, view: AttackerView) -> Sequences:
        """Write the budget, from the view's plan or from a new one; see ``Attacker.poison``.

        Raises
        ------
        RejectedError
            Nothing can be promoted, or no surrogate can be used.
        InvalidAnswerError
            The influence estimator answers with what is no number, or fails on every surrogate.
        """
        if not view.budget.n_fake_users or not view.budget.n_actions:
            return Sequences.empty()
        view = self._weighted(view)
        plan = self._plan(view) if view.prepared is None else AttackPlan.from_arrays(view.prepared)
        if self._options.serving == "all-users" and self._options.decision == "estimate":
            by_policy = write_sequences(
                plan,
                view.budget.n_fake_users,
                clicks_per_target=self._options.clicks_on_each(view.goal),
                budget=view.budget,
                rng=generator_for(view.seed, "crafting"),
            )
            self._report = {**plan.report, **report_of_sequences(plan.groups, by_policy)}
            return cut_to_lengths(
                by_policy.items, by_policy.groups, view.budget, has_last_items=False
            )
        following = self._following(view)
        users = self._served(view, plan.groups, following)
        attack = ServedAttack(view, plan, users, self._options, following=following)
        found = None if self._options.decision == "estimate" else attack.find()
        design = attack.estimated() if found is None else found.best.design
        self._report = {
            **plan.report,
            **self._report_of_prediction(view, following),
            **report_of_design(view, users, design, found),
        }
        return attack.write(design)

    def prepare(self, view: AttackerView) -> dict[str, NDArray[Any]]:
        """Train the agent, for any number of fake users; see ``Attacker.prepare``.

        Raises as :meth:`poison` does.
        """
        return self._plan(self._weighted(view)).as_arrays() if view.budget.n_actions else {}

    def _weighted(self, view: AttackerView) -> AttackerView:
        if self._options.weights == "suite":
            return view
        return with_fitted_weights(view, seed=seed_for(view.seed, "queries"))

    def _following(self, view: AttackerView) -> NextItems | None:
        if self._options.last_items == "known" or not view.surrogates:
            return None
        return predicted_next(view, np.union1d(view.goal.items, promoted_items(view)))

    def _report_of_prediction(
        self, view: AttackerView, following: NextItems | None
    ) -> dict[str, object]:
        """Target users of whom no next item can be predicted, where that was asked."""
        if self._options.last_items == "known":
            return {}
        without = view.goal.users if following is None else following.not_predicted
        return {"not_predicted": without.tolist()} if len(without) else {}

    def _served(
        self, view: AttackerView, groups: ItemGroups, following: NextItems | None
    ) -> ServedUsers:
        one_user = self._options.serving == "one-user"
        return served_users(
            view.history, view.goal.users, groups, one_user=one_user, following=following
        )

    def _plan(self, view: AttackerView) -> AttackPlan:
        options = self._options
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
            n_clusters=options.n_clusters,
            n_factors=options.n_factors,
            with_target_user_group=options.groups == "paper",
            item_draw=options.items,
            seed=seed_for(view.seed, "groups"),
        )
        following = self._following(view)
        served = self._served(view, groups, following)
        horizon = horizon_of(view.budget)
        if horizon == 1:
            return AttackPlan.of_one_action(groups, served.groups)
        estimators, left_out = fit_estimators(
            view,
            users,
            items,
            reward=options.reward,
            skip_nondifferentiable=options.skip_nondifferentiable,
            following=following,
            seed=seed_for(view.seed, "influence"),
        )
        agreement: dict[str, float] = {}
        if options.check_estimates:
            agreement = agreements(
                view,
                estimators,
                served,
                list_length=options.list_length,
                following=following,
                rng=generator_for(view.seed, "estimate check"),
            )
            estimators = down_weighted(estimators, agreement)
        rng = generator_for(view.seed, "reference")
        actions = rng.integers(len(served.groups), size=(_REFERENCE_SEQUENCES, horizon))
        outcome = OutcomeEstimator(estimators, served.draw_for_anybody(actions, rng))
        left_out |= outcome.left_out
        estimators = tuple(fitted for fitted in estimators if fitted.name in outcome.scales)
        environment = GroupEnvironment(
            served.groups, outcome, horizon, items_of=served.draw_for_anybody
        )
        policy, curve = trained_policy(
            options.policy,
            environment,
            self._config,
            crafting_epsilon=options.crafting_epsilon,
            seed=seed_for(view.seed, "policy"),
        )
        rng = generator_for(view.seed, "plan")
        sequences = policy.group_sequences(_PLANNED_SEQUENCES, rng)
        if options.interleave and not any(fitted.uses_order for fitted in estimators):
            sequences = interleaved(sequences)
        probes = served.draw_for_anybody(sequences[:_PROBES], rng)
        rewards = outcome.step_rewards(probes)
        mean_return = float(rewards.sum(axis=1).mean())
        proposals, motifs = proposed(
            environment,
            sequences,
            mean_return,
            with_motifs=options.motifs,
            seed=seed_for(view.seed, "motifs"),
        )
        return AttackPlan(
            groups=groups,
            click_values=click_values(probes, rewards, groups.members[0]),
            sequences=sequences,
            proposals=proposals,
            report={
                "groups": served.groups.sizes,
                "surrogates": {
                    fitted.name: {
                        "weight": fitted.weight,
                        "uses_order": fitted.uses_order,
                        "reward_scale": outcome.scales[fitted.name],
                        "estimator": _finite(fitted.estimator.report),
                    }
                    | ({"agreement": agreement[fitted.name]} if agreement else {})
                    for fitted in estimators
                },
                **({"left_out_of_reward": left_out} if left_out else {}),
                "learning_curve": None if curve is None else curve.as_lists(),
                "mean_return": mean_return,
                "motifs": [
                    {
                        "groups": [served.groups.names[group] for group in motif.groups],
                        "mean_return": motif.mean_return,
                    }
                    for motif in motifs
                ],
            },
        )


def _finite(report: Mapping[str, float]) -> dict[str, float]:
    """Without what has no value, as a residual where nothing is solved: records hold no NaN."""
    return {name: float(value) for name, value in report.items() if np.isfinite(value)}
