import dataclasses
import json

import numpy as np
import pytest

from loki_bench.answer_checks import validate_poison
from loki_bench.attackers.loki.attacker import Loki
from loki_bench.contracts import Goal, ids
from loki_bench.errors import ParameterError, RejectedError
from loki_bench.plugins.specs import AttackerSpec


def quick(**changes):
    """An agent whose own sequences are written, as in the paper."""
    by_estimate = {"decision": "estimate", "serving": "all-users", "motifs": False}
    return Loki(**({"n_clusters": 2, "n_iterations": 30} | by_estimate | changes))


def poison_of(loki, view):
    answer = loki.poison(view)
    return validate_poison(
        answer, attacker="loki", budget=view.budget, n_items=view.history.n_items
    )


def n_planted(poison, view):
    """Target clicks right after an item of a target user: what the planted estimator pays for."""
    fillers = np.setdiff1d(view.history.take(view.goal.users).items, view.goal.items)
    return sum(
        int(np.sum(np.isin(row[1:], view.goal.items) & np.isin(row[:-1], fillers)))
        for row in poison
    )


def test_the_agent_finds_the_pattern_that_the_estimator_pays_for(loki_view):
    view, loki = loki_view(), quick(clicks_per_target=0)
    poison = poison_of(loki, view)
    assert len(poison) == 6
    assert n_planted(poison, view) == 6 * 3  # the most that six steps can hold
    names = loki.report["group_sequence"]
    assert names == ["target users' items", "targets"] * 3


def test_random_groups_find_less(loki_view):
    view = loki_view(n_fake_users=50)
    assert n_planted(poison_of(quick(policy="random-groups"), view), view) < 50 * 3 / 2


def test_the_best_single_group_repeats_one_group(loki_view):
    loki = quick(policy="best-single-group")
    poison_of(loki, loki_view())
    assert len(set(loki.report["group_sequence"])) == 1
    assert loki.report["learning_curve"] is None


def test_without_the_target_users_group_the_agent_has_only_clusters(loki_view):
    loki = quick(groups="no-target-user-group", n_iterations=2)
    poison_of(loki, loki_view())
    assert list(loki.report["groups"]) == ["targets", "cluster 1", "cluster 2"]


def test_crafting_depends_on_the_views_seed_alone(loki_view):
    first, same, other = (
        quick(policy="random-groups").poison(loki_view(seed=seed)) for seed in (4, 4, 5)
    )
    assert first == same
    assert first != other


def test_a_trained_agent_depends_on_the_views_seed_alone(loki_view):
    loki, again = quick(n_iterations=3), quick(n_iterations=3)
    assert loki.poison(loki_view(seed=4)) == again.poison(loki_view(seed=4))
    assert loki.report == again.report


def test_a_prepared_attack_writes_what_an_unprepared_one_does(loki_view):
    view = loki_view()
    whole, parts = quick(n_iterations=3), quick(n_iterations=3)
    unknown = dataclasses.replace(view, budget=dataclasses.replace(view.budget, n_fake_users=0))
    prepared = parts.prepare(unknown)
    shown = dataclasses.replace(view, prepared=prepared, surrogates=(), influence=None)
    assert parts.poison(shown) == whole.poison(view)
    assert parts.report == whole.report


def test_the_report_is_plain_data(loki_view):
    loki = quick(n_iterations=3)
    assert loki.report == {}
    loki.poison(loki_view())
    report = json.loads(json.dumps(loki.report))
    assert report["groups"]["targets"] == 4
    assert report["surrogates"]["mf"]["estimator"] == {"iterations": 3.0}
    assert len(report["learning_curve"]["mean_return"]) == 3
    assert sum(report["group_shares"].values()) == pytest.approx(1)


def test_what_an_estimator_has_no_number_for_is_left_out_of_the_report(loki_view):
    class Unsolved(loki_view().influence):
        @property
        def report(self):
            return {**super().report, "relative_residual": float("nan")}

    loki = quick(n_iterations=3)
    loki.poison(loki_view(influence=Unsolved))
    json.dumps(loki.report, allow_nan=False)
    assert loki.report["surrogates"]["mf"]["estimator"] == {"iterations": 3.0}


def test_a_target_to_demote_is_never_selected(loki_view):
    view = loki_view()
    view = dataclasses.replace(
        view, goal=Goal(items=view.goal.items, users=view.goal.users, kind="demote")
    )
    poison = poison_of(quick(policy="random-groups"), view)
    assert not np.isin(poison.items, view.goal.items).any()


def test_one_fake_user_with_two_actions_is_enough(loki_view):
    view = loki_view(n_fake_users=1, n_actions=2)
    assert poison_of(quick(n_iterations=2), view).lengths.tolist() == [2]


def test_with_one_action_a_fake_user_clicks_a_target_and_nothing_is_learned(loki_view):
    """The planted estimator pays for a target after another item, so it has nothing to say here."""
    view, loki = loki_view(n_actions=1, n_fake_users=8), quick()
    assert set(poison_of(loki, view).items.tolist()) <= set(view.goal.items.tolist())
    assert loki.report["group_sequence"] == ["targets"]
    assert loki.report["learning_curve"] is None


def test_to_demote_all_rivals_are_lifted_however_small_the_budget_is(loki_view):
    view = loki_view(n_fake_users=4)
    goal = Goal(items=view.goal.items, users=view.goal.users, kind="demote")
    loki = quick(n_iterations=2)
    poison_of(loki, dataclasses.replace(view, goal=goal))
    assert len(loki.report["promoted_items"]) == loki.report["groups"]["targets"] == 10
    poison_of(loki, view)
    assert len(loki.report["promoted_items"]) < len(view.goal.items)


def test_no_fake_user_writes_nothing(loki_view):
    assert len(quick().poison(loki_view(n_fake_users=0))) == 0


def test_more_clusters_than_items_are_as_many_as_are_left(loki_view):
    loki = quick(n_clusters=1000, n_iterations=2)
    poison_of(loki, loki_view())
    sizes = loki.report["groups"]
    assert sum(sizes.values()) == 60
    assert len(sizes) <= 2 + 60 - sizes["targets"] - sizes["target users' items"]


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_every_user_can_be_a_target_user(loki_view, preset):
    view = loki_view()
    everybody = Goal(items=view.goal.items, users=ids(range(view.history.n_users)))
    loki = Loki(preset=preset, n_iterations=2, n_trials=2)
    poison_of(loki, dataclasses.replace(view, goal=everybody))
    assert len([name for name in loki.report["groups"] if name.startswith("cluster")]) < 10


def test_target_users_who_have_all_targets_are_refused(loki_view):
    view = loki_view()
    goal = Goal(items=ids(view.history[0][:1]), users=ids([0]))
    with pytest.raises(RejectedError, match="already has every item to promote"):
        quick().poison(dataclasses.replace(view, goal=goal))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("policy", "ppo", "one of dqn, best-motif, random-groups, best-single-group"),
        ("groups", "none", "one of paper, no-target-user-group"),
        ("reward", "gradient", "one of contrast, influence, simulator-rank"),
        ("items", "best", "one of uniform, balanced"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_name(name, value, expected):
    with pytest.raises(ParameterError, match=f"{name} = {value!r}, expected {expected}"):
        Loki(**{name: value})


def test_the_spec_takes_every_parameter_and_builds_it():
    spec = AttackerSpec(
        name="loki",
        summary="LOKI",
        target="loki_bench.attackers.loki.attacker:Loki",
        needs=frozenset({"history", "surrogates", "influence"}),
    )
    assert isinstance(spec.build({"n_iterations": 5, "items": "uniform"}), Loki)
    with pytest.raises(ParameterError, match="did you mean 'n_clusters'"):
        spec.build({"n_cluster": 5})
