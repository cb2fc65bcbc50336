"""A sound attack, broken in one way each."""

import os
from contextlib import suppress
from pathlib import Path

import numpy as np
from mutants import breaks, state_of_the_global_generator

from loki_bench.contracts import Attacker
from loki_bench.interactions import Sequences


class Sound(Attacker):
    """Random items and, where it promotes, targets."""

    def poison(self, view):
        generator = np.random.default_rng(view.seed)
        budget = view.budget
        items = generator.integers(
            view.history.n_items, size=(budget.n_fake_users, budget.n_actions)
        )
        if view.goal.kind == "promote":
            items[:, 1::2] = generator.choice(view.goal.items, size=items[:, 1::2].shape)
        return Sequences.of(items)


@breaks("check_attacker_keeps_budgets_of_none_one_and_many")
class AddsAUser(Sound):
    def poison(self, view):
        poison = super().poison(view)
        return poison if view.budget.n_fake_users else Sequences.of([[0]])


@breaks("check_attacker_keeps_budgets_of_none_one_and_many")
class WritesTwoEventsAtLeast(Sound):
    def poison(self, view):
        rows = [row.tolist() for row in super().poison(view)]
        return Sequences.of([(row * 2)[: max(2, len(row))] for row in rows])


@breaks("check_attacker_seed_fixes_everything")
class ReadsTheGlobalGenerator(Sound):
    def poison(self, view):
        poison = super().poison(view)
        shifted = (poison.items + state_of_the_global_generator()) % view.history.n_items
        return Sequences(poison.offsets, shifted)


@breaks("check_attacker_reports_plain_data")
class ReportsNothingToDivideBy(Sound):
    def poison(self, view):
        poison = super().poison(view)
        self.report = {"events": np.float32(len(poison) and 0.5), "each": float("nan")}
        return poison


@breaks("check_attacker_writes_some_fake_user")
class WritesNothing(Sound):
    def poison(self, view):
        return Sequences.empty()


@breaks("check_attacker_leaves_generators_alone")
class SeedsNumpy(Sound):
    def poison(self, view):
        np.random.seed(view.seed)  # noqa: NPY002
        return super().poison(view)


@breaks("check_attacker_leaves_the_process_alone")
class SavesItsPoison(Sound):
    def poison(self, view):
        Path("poison.npy").write_bytes(b"mine")
        return super().poison(view)


@breaks("check_attacker_leaves_the_process_alone")
class GoesElsewhere(Sound):
    def poison(self, view):
        os.chdir("/")
        return super().poison(view)


@breaks("check_attacker_leaves_its_view_alone")
class SortsTheTargetUsers(Sound):
    def poison(self, view):
        with suppress(ValueError):
            view.goal.users[:] = view.goal.users[::-1].copy()
        return super().poison(view)


@breaks("check_attacker_leaves_its_view_alone")
class WritesIntoTheHistory(Sound):
    def poison(self, view):
        with suppress(ValueError):
            view.history.items[0] = view.goal.items[0]
        return super().poison(view)


@breaks("check_attacker_leaves_its_view_alone", needs=frozenset({"history", "surrogates"}))
class ForgetsWhatTheSurrogateLearnt(Sound):
    def poison(self, view):
        for surrogate in view.surrogates:
            for parameter in surrogate.fit().parameters():
                parameter.detach().zero_()
        return super().poison(view)


@breaks("check_attacker_leaves_its_view_alone", needs=frozenset({"history", "surrogates"}))
class TrainsTheSurrogateOn(Sound):
    def poison(self, view):
        poison = super().poison(view)
        for surrogate in view.surrogates:
            surrogate.fit().fit(surrogate.train.with_users(poison), validation=None, seed=0)
        return poison


class Long(Sound):
    """As many events as the host drew for each fake user, where it drew some."""

    def poison(self, view):
        poison, lengths = super().poison(view), view.budget.lengths
        if lengths is None:
            return poison
        return Sequences.of([row[:n] for row, n in zip(poison, lengths, strict=True)])


@breaks("check_attacker_leaves_its_view_alone", takes_lengths=True)
class SortsTheLengths(Long):
    def poison(self, view):
        poison = super().poison(view)
        with suppress(AttributeError, ValueError):
            view.budget.lengths.sort()
        return poison


@breaks("check_attacker_writes_as_many_events_as_the_host_drew", takes_lengths=True)
class ForgetsWhoIsHowLong(Long):
    def poison(self, view):
        rows = [row.tolist() for row in super().poison(view)]
        return Sequences.of(rows if view.budget.lengths is None else sorted(rows, key=len))


@breaks("check_attacker_forgets_the_last_view")
class Remembers(Sound):
    last = None

    def poison(self, view):
        if self.last is None:
            self.last = super().poison(view)
            return self.last
        return self.last


@breaks("check_attacker_takes_a_single_target")
class NeedsTwoTargets(Sound):
    def poison(self, view):
        _, _, *_ = view.goal.items
        return super().poison(view)


@breaks("check_attacker_takes_target_users_without_events")
class NeedsALastItem(Sound):
    def poison(self, view):
        [view.history[int(user)][-1] for user in view.goal.users]
        return super().poison(view)


@breaks("check_attacker_takes_a_target_that_nobody_has")
class DividesByCounts(Sound):
    def poison(self, view):
        [1 // int(view.history.item_counts[item]) for item in view.goal.items]
        return super().poison(view)


@breaks("check_attacker_takes_a_goal_to_demote")
class KnowsOneGoal(Sound):
    def poison(self, view):
        if view.goal.kind != "promote":
            raise KeyError(view.goal.kind)
        return super().poison(view)


class Chooses(Sound):
    """Needs the oracle only where it is told to fit weights."""

    def __init__(self, weights: str = "equal"):
        self.weights = weights


class Prepares(Sound):
    """Learns, for any number of fake users, how often each item is seen."""

    def prepare(self, view):
        return {"counts": np.array(view.history.item_counts)}

    def poison(self, view):
        rare = int(np.argmin(view.prepared["counts"]))
        rows = [row.tolist() for row in super().poison(view)]
        return Sequences.of([[rare, *row[1:]] for row in rows])


@breaks("check_attacker_prepares_named_arrays", prepares=True)
class PreparesAList(Prepares):
    def prepare(self, view):
        return {"counts": view.history.item_counts.tolist()}


@breaks("check_attacker_prepares_named_arrays", prepares=True)
class PreparesObjects(Prepares):
    def prepare(self, view):
        return {**super().prepare(view), "goal": np.array([view.goal])}
