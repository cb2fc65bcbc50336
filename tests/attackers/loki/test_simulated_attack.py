"""The attack whose last word has the simulator: surrogates that learn from what follows what."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
from popularity import Popularity

from loki_bench.answer_checks import validate_poison
from loki_bench.attackers.loki.attacker import Loki
from loki_bench.attackers.loki.served_attack import FIXED_SHARES, fixed_sequence, is_hedged
from loki_bench.contracts import DifferentiableRecommender, InfluenceEstimator
from loki_bench.interactions import Sequences


class Followers(DifferentiableRecommender):
    """Scores an item with how often it follows the last item of the user; ties by item id.

    Differentiable only in name: the planted estimator never asks.
    """

    def fit(self, train, *, validation, seed):
        self.n_follows = np.zeros((train.n_items, train.n_items))
        for row in train:
            for last, item in itertools.pairwise(row):
                self.n_follows[last, item] += 1
        return self

    def score_next(self, users, histories):
        last = [row[-1] for row in histories]
        return (self.n_follows[last] + 1e-3 * np.arange(self.n_follows.shape[1])).astype(np.float32)

    def parameters(self):
        raise NotImplementedError

    training_samples = sample_loss = l2_coefficients = target_score = parameters


class TargetClicks(InfluenceEstimator):
    """A click on a target is worth 1, whatever came before it: fast, and no help."""

    def fit(self, model, train, objective, *, seed):
        self.targets = np.unique(objective.items)
        return self

    def influence(self, candidates):
        return np.array([float(np.isin(row, self.targets).sum()) for row in candidates])

    def marginal_influence(self, prefixes, next_items):
        return np.isin(next_items, self.targets).astype(float)

    @property
    def report(self):
        return {}


@pytest.fixture
def attacked(loki_view):
    def build(**changes):
        view = loki_view(influence=TargetClicks, **changes)
        lent = dataclasses.replace(
            view.surrogates[0],
            name="followers",
            model=Followers().fit(view.history, validation=None, seed=0),
        )
        return dataclasses.replace(view, surrogates=(lent,))

    return build


def quick(**changes):
    """A short agent; what it proposes is not what these tests are about."""
    short = {"n_iterations": 4, "updates_per_iteration": 1, "motifs": False}
    return Loki(**({"n_clusters": 2, "list_length": 4} | short | changes))


def poison_of(loki, view):
    answer = loki.poison(view)
    return validate_poison(
        answer, attacker="loki", budget=view.budget, n_items=view.history.n_items
    )


def test_last_items_are_found_where_only_they_reach_the_lists(attacked):
    view, loki = attacked(n_fake_users=20), quick(list_length=8)
    poison = poison_of(loki, view)
    followed = {
        (int(last), int(item))
        for row in poison
        for last, item in itertools.pairwise(row)
        if item in view.goal.items
    }
    lasts = [int(view.history[int(user)][-1]) for user in view.goal.users]
    assert {(last, int(item)) for last in lasts for item in view.goal.items} <= followed
    assert loki.report["simulator"]["display_rate"] == 1.0


def test_the_record_says_what_was_tried_and_whom_it_serves(attacked):
    view, loki = attacked(n_fake_users=7), quick(n_trials=5, motifs=True, list_length=8)
    poison_of(loki, view)
    report = json.loads(json.dumps(loki.report, allow_nan=False))
    tried = report["simulator"]["tried"]
    assert len(tried) <= 6
    assert tried[-1]["origin"].startswith("covisit: ")
    assert tried[-1]["n_targets"] == len(view.goal.items)
    chosen = tried[report["simulator"]["chosen"]]
    assert chosen["display_rate"] == report["simulator"]["display_rate"]
    assert set(chosen["by_surrogate"]) == {"followers"}
    assert sum(report["fake_users_by_target_user"].values()) == 7
    assert report["motifs"][0]["mean_return"] >= report["motifs"][1]["mean_return"]


def test_surrogates_of_one_kind_prefer_covisit_where_it_is_as_good(attacked):
    view, loki = attacked(n_fake_users=7), quick()
    poison = poison_of(loki, view)
    simulated = loki.report["simulator"]
    assert simulated["tried"][simulated["chosen"]]["origin"].startswith("covisit: ")
    assert "fake_users_by_target_user" not in loki.report
    known = view.history.take(view.goal.users).items
    assert np.isin(np.array([row[::2] for row in poison]), known).all()
    assert np.isin(np.array([row[1::2] for row in poison]), view.goal.items).all()


def test_one_preparation_serves_every_budget(attacked):
    view = attacked(n_fake_users=9)
    unknown = dataclasses.replace(view, budget=dataclasses.replace(view.budget, n_fake_users=0))
    prepared = quick().prepare(unknown)
    for n in (1, 9):
        budget = dataclasses.replace(view.budget, n_fake_users=n)
        whole = dataclasses.replace(view, budget=budget)
        shown = dataclasses.replace(whole, prepared=prepared, influence=None)
        assert quick().poison(shown) == quick().poison(whole)


def test_the_seed_alone_decides(attacked):
    first, again = quick(), quick()
    assert first.poison(attacked(seed=4)) == again.poison(attacked(seed=4))
    assert first.report == again.report


@pytest.mark.parametrize(
    "changes",
    [
        {"decision": "estimate"},
        {"serving": "all-users"},
        {"groups": "no-target-user-group"},
        {"policy": "best-motif"},
        {"motifs": True},
        {"n_rounds": 0, "n_trials": 1},
        {"target_order": "value", "clicks_per_target": 50},
        {"last_items": "predicted"},
        {"last_items": "predicted", "decision": "estimate", "reward": "simulator-rank"},
        {"stealth": 0.5},
        {"decision": "simulator-rows", "stealth": 0.5},
    ],
)
def test_every_part_can_be_left_out(attacked, changes):
    view = attacked(n_fake_users=5)
    assert poison_of(quick(**changes), view).lengths.tolist() == [6] * 5


def test_surrogates_of_one_kind_do_not_try_what_gives_up_the_other(attacked):
    view, loki = attacked(n_fake_users=9, n_actions=12), quick()
    poison_of(loki, view)
    origins = [tried["origin"] for tried in loki.report["simulator"]["tried"]]
    assert "two thirds targets, one filler of three the last item" in origins
    assert "half targets, one filler of two the last item" not in origins


def letters(groups):
    return "".join("Tol"[group] for group in groups)


@pytest.mark.parametrize("pattern", FIXED_SHARES.values())
def test_a_target_follows_a_last_item_in_any_number_of_actions(pattern):
    for horizon in range(3, 30):
        groups = letters(fixed_sequence(pattern, horizon))
        assert "lT" in groups
        assert len(groups) == horizon
        # nothing but fillers has changed places
        clicks = groups.replace("l", "o")
        assert clicks == letters(np.resize(pattern, horizon)).replace("l", "o")


def test_few_actions_begin_with_the_last_item_and_more_of_them_keep_the_pattern():
    half, of_two, two_thirds = FIXED_SHARES.values()
    assert letters(fixed_sequence(half, 3)) == "lTo"
    assert letters(fixed_sequence(half, 5)) == "lToTo"  # and not oToTl
    assert letters(fixed_sequence(half, 6)) == "oToTlT"
    assert letters(fixed_sequence(of_two, 5)) == "oTlTo"
    assert letters(fixed_sequence(two_thirds, 7)) == "lTToTTo"
    for pattern in FIXED_SHARES.values():
        assert letters(fixed_sequence(pattern, 1)) == "T"
        for horizon in (2, 8, 12, 15):
            assert (fixed_sequence(pattern, horizon) == np.resize(pattern, horizon)).all()


@pytest.mark.parametrize(
    ("groups", "with_order", "without_order"),
    [
        ("oToTlT", True, True),
        ("oTlT", False, True),
        ("lT", False, True),
        ("oTTTT", True, False),
        ("oT", True, False),
        ("oTTlTT", False, True),
        ("ooTlTTTTTTTTTTT", False, False),
    ],
)
def test_one_kind_of_surrogates_wants_clicks_for_the_other(groups, with_order, without_order):
    sequence = np.array(["Tol".index(letter) for letter in groups])
    assert is_hedged(sequence, np.array([True, True])) == with_order
    assert is_hedged(sequence, np.array([False])) == without_order
    assert is_hedged(sequence, np.array([True, False]))


@pytest.mark.parametrize("changes", [{}, {"decision": "estimate"}, {"preset": "paper"}])
def test_fake_users_have_the_lengths_that_the_host_gives(attacked, changes):
    view = attacked(n_fake_users=4, n_actions=40)
    lengths = np.array([1, 23, 15, 2])
    view = dataclasses.replace(view, budget=dataclasses.replace(view.budget, lengths=lengths))
    loki = quick(n_trials=2, **changes)
    poison = poison_of(loki, view)
    assert poison.lengths.tolist() == lengths.tolist()
    # what is learnt is as long as the paper's fake users, whatever the longest one is
    assert len(loki.report["group_sequence"]) == (23 if changes.get("preset") else 15)


@pytest.mark.parametrize("changes", [{}, {"decision": "estimate"}, {"serving": "all-users"}])
def test_with_one_action_every_fake_user_clicks_a_target(attacked, changes):
    view = attacked(n_fake_users=9, n_actions=1)
    poison = poison_of(quick(**changes), view)
    assert np.isin(poison.items, view.goal.items).all()


def with_lengths(view, *lengths):
    n = len(lengths)
    budget = dataclasses.replace(view.budget, n_fake_users=n, lengths=np.array(lengths))
    return dataclasses.replace(view, budget=budget)


def test_short_fake_users_keep_the_click_on_the_last_item_that_a_target_follows(attacked):
    lengths = [1, 2, 3, 4, 5, 6, 13] * 6
    view, loki = with_lengths(attacked(n_actions=40), *lengths), quick(list_length=8)
    poison = poison_of(loki, view)
    assert "the last item" in loki.report["group_sequence"]
    lasts = [int(view.history[int(user)][-1]) for user in view.goal.users]
    for row in poison:
        pairs = [(left in lasts, item in view.goal.items) for left, item in itertools.pairwise(row)]
        assert (True, True) in pairs or len(row) < 3
        assert len(row) > 1 or row[0] in view.goal.items


def test_nobody_serves_a_target_user_who_has_all_targets(attacked):
    view = attacked(n_fake_users=9)
    sequences = Sequences.of(
        [view.goal.items if u == 1 else row for u, row in enumerate(view.history)]
    )
    view = dataclasses.replace(view, history=view.history.with_sequences(sequences))
    loki = quick(list_length=8)
    poison_of(loki, view)
    served = loki.report["fake_users_by_target_user"]
    assert served["1"] == 0
    assert served["0"] + served["2"] == 9
    anything = quick(list_length=8)
    poison_of(anything, dataclasses.replace(view, repeats="allow"))
    assert anything.report["fake_users_by_target_user"]["1"] > 0


def voting(view):
    """The view with a second surrogate, which votes and can't be differentiated."""
    plain = dataclasses.replace(
        view.surrogates[0],
        name="popularity",
        model=Popularity().fit(view.history, validation=None, seed=0),
    )
    return dataclasses.replace(view, surrogates=(*view.surrogates, plain))


def test_a_round_that_changes_no_number_of_fake_users_is_not_trained_again(attacked, monkeypatch):
    view = voting(attacked(n_fake_users=4))
    # one target user: its share is all, whatever its weight is
    goal = dataclasses.replace(view.goal, users=view.goal.users[:1])
    trained = []
    fit = Followers.fit

    def counted(self, train, *, validation, seed):
        trained.append(train.digest())
        return fit(self, train, validation=validation, seed=seed)

    monkeypatch.setattr(Followers, "fit", counted)
    loki = quick(skip_nondifferentiable=True)
    poison_of(loki, dataclasses.replace(view, goal=goal))
    tried = loki.report["simulator"]["tried"]
    rounds = [one for one in tried if one["origin"].startswith("round")]
    assert rounds
    assert len(trained) == len(set(trained)) <= len(tried) - len(rounds)


def test_who_votes_says_which_kind_of_surrogates_there_is_and_not_who_rewards(attacked):
    """One that can't be differentiated votes, and knows of no order: no doubt, nothing to hedge."""
    view, loki = attacked(n_fake_users=9, n_actions=12), quick(skip_nondifferentiable=True)
    poison_of(loki, voting(view))
    assert set(loki.report["surrogates"]) == {"followers"}
    origins = [tried["origin"] for tried in loki.report["simulator"]["tried"]]
    assert "half targets, one filler of two the last item" in origins


def test_the_record_says_of_whom_no_next_item_is_predicted(attacked):
    view = attacked(n_fake_users=5)
    everything = np.setdiff1d(np.arange(60), view.goal.items)
    sequences = Sequences.of([everything if u == 1 else row for u, row in enumerate(view.history)])
    view = dataclasses.replace(view, history=view.history.with_sequences(sequences))
    loki = quick(last_items="predicted", n_clusters=0)
    poison_of(loki, view)
    assert loki.report["not_predicted"] == [1]


def certain(view):
    """The view with ten more users for each target user, who go on from its last item to one."""
    lasts = [int(view.history[int(user)][-1]) for user in view.goal.users]
    known = view.history.take(view.goal.users).items
    following = np.setdiff1d(np.arange(4, 60), known)[: len(lasts)].tolist()
    more = [[last, item] for last, item in zip(lasts, following, strict=True) for _ in range(10)]
    history = view.history.with_users(Sequences.of(more))
    lent = dataclasses.replace(
        view.surrogates[0], model=Followers().fit(history, validation=None, seed=0), train=history
    )
    return dataclasses.replace(view, history=history, surrogates=(lent,)), following


def shown_afterwards(view, poison, following, k=8):
    """The share of targets in the lists of target users who have gone on."""
    victim = Followers().fit(view.history.with_users(poison), validation=None, seed=0)
    known = Sequences.of(
        [
            [*view.history[int(user)].tolist(), item]
            for user, item in zip(view.goal.users, following, strict=True)
        ]
    )
    scores = victim.score_next(view.goal.users, known)
    scores[known.rows, known.items] = -np.inf
    lists = np.argsort(-scores, axis=1)[:, :k]
    return float(np.mean([np.isin(view.goal.items, shown).mean() for shown in lists]))


def test_an_attack_on_what_users_do_next_reaches_users_whose_next_item_is_certain(attacked):
    view, following = certain(attacked(n_fake_users=60))
    reached = {
        last_items: shown_afterwards(
            view, poison_of(quick(last_items=last_items, list_length=8), view), following
        )
        for last_items in ("known", "predicted")
    }
    assert reached["known"] == 0.0
    assert reached["predicted"] >= 0.9


def test_being_found_decides_where_it_costs_enough(attacked):
    view = attacked(n_fake_users=12)
    chosen = {}
    for stealth in (0.0, 0.5, 100.0):
        loki = quick(stealth=stealth, list_length=8)
        poison_of(loki, view)
        tried = loki.report["simulator"]["tried"]
        chosen[stealth] = tried[loki.report["simulator"]["chosen"]]
        assert all(("found" in one) == (stealth > 0) for one in tried)
    found = [max(one["found"].values()) for one in tried]
    assert max(chosen[100.0]["found"].values()) <= min(found) + 0.01  # as the last search weighs it
    assert chosen[100.0]["display_rate"] <= chosen[0.0]["display_rate"]
