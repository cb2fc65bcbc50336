"""The toy plugin's components."""

import os
import time
from pathlib import Path
from typing import ClassVar

import numpy as np

from loki_bench.contracts import (
    Attacker,
    DatasetLoader,
    Defense,
    FineTunableRecommender,
    InfluenceEstimator,
    Recommender,
)
from loki_bench.interactions import Interactions, Sequences
from loki_bench.listed_ranks import scores_of_lists


class ToyData(DatasetLoader):
    """Users walk along a circle of items, with a jump now and then."""

    def __init__(self, n_users: int = 60, n_items: int = 30) -> None:
        self.n_users, self.n_items = n_users, n_items

    def load(self, folder, *, download):
        random = np.random.default_rng(5)
        rows = [
            (random.integers(self.n_items) + np.arange(random.integers(4, 10))) % self.n_items
            for _ in range(self.n_users)
        ]
        data = Sequences.of(rows)
        return Interactions(
            data.offsets,
            data.items,
            n_items=self.n_items,
            user_tokens=tuple(f"u{u}" for u in range(self.n_users)),
            item_tokens=tuple(f"i{i}" for i in range(self.n_items)),
        )


class Counts(Recommender):
    """Popularity, with a little seeded noise so that seeds differ."""

    def __init__(self, noise: float = 0.5) -> None:
        self.noise = noise

    def fit(self, train, *, validation, seed):
        self.n_samples = train.n_events
        self.scores = train.item_counts + self.noise * np.random.default_rng(seed).random(
            train.n_items
        )
        return self

    def score_next(self, users, histories):
        return np.tile(self.scores.astype(np.float32), (len(users), 1))

    @property
    def n_training_samples(self):
        return self.n_samples

    @property
    def fit_report(self):
        return {"events": float(self.n_samples)}


class GoesOn(Counts, FineTunableRecommender):
    """Counts the events that it goes on with once for each epoch."""

    def fine_tune(self, train, *, seed, epochs):
        self.n_samples = train.n_events
        self.scores = self.scores + epochs * train.item_counts
        return self


class Follows(Counts):
    """How often an item followed the user's last one."""

    def fit(self, train, *, validation, seed):
        super().fit(train, validation=validation, seed=seed)
        self.follows = np.zeros((train.n_items, train.n_items), dtype=np.float32)
        for row in train:
            np.add.at(self.follows, (row[:-1], row[1:]), 1)
        return self

    def score_next(self, users, histories):
        popular = super().score_next(users, histories) / 1000
        for position, row in enumerate(histories):
            if len(row):
                popular[position] += self.follows[row[-1]]
        return popular


class Shop(Follows):
    """What Follows shows first, as a list of new items; the rest is not told."""

    def __init__(self, *, length: int = 6, listed: int = 0) -> None:
        super().__init__()
        self.length, self.listed = length, listed or length

    def score_next(self, users, histories):
        scores = super().score_next(users, histories)
        scores[histories.rows, histories.items] = -np.inf
        best = np.argsort(-scores, axis=1, kind="stable")[:, : self.listed]
        return scores_of_lists(best, n_items=scores.shape[1])


class Walks(Recommender):
    """Takes the next item to be ``step`` past the last one; on ToyData 1 is always right."""

    def __init__(self, step: int = 3, blur: float = 0.0, odd: str = "as it is") -> None:
        if odd == "refused" and step % 2:
            raise ValueError("an odd step")
        self.step, self.blur = step, blur

    def fit(self, train, *, validation, seed):
        self.n_items = train.n_items
        return self

    def score_next(self, users, histories):
        scores = np.zeros((len(users), self.n_items), dtype=np.float32)
        for position, row in enumerate(histories):
            if len(row):
                scores[position, (row[-1] + self.step) % self.n_items] = 1.0
        return scores


class WaitsOnce(Counts):
    """Says in a file who it is and waits to be killed; where the file is there, it goes on."""

    def __init__(self, marker: str = "") -> None:
        super().__init__()
        self.marker = Path(marker)

    def fit(self, train, *, validation, seed):
        if not self.marker.exists():
            self.marker.with_suffix(".part").write_text(f"{os.getppid()} {os.getpid()}")
            self.marker.with_suffix(".part").rename(self.marker)
            time.sleep(3600)
        return super().fit(train, validation=validation, seed=seed)


class AnswersNaN(Counts):
    def score_next(self, users, histories):
        return np.full((len(users), len(self.scores)), np.nan, dtype=np.float32)


class IgnoresNewUsers(Counts):
    """The bug that made a published victim immune: added users never reach the training data."""

    def fit(self, train, *, validation, seed):
        return super().fit(
            train.with_sequences(train.take(np.arange(60))), validation=validation, seed=seed
        )


def _rows(view, n_users, n_actions, item=0):
    return Sequences.of([[item] * n_actions] * n_users)


class OneTooManyUsers(Attacker):
    def poison(self, view):
        return _rows(view, view.budget.n_fake_users + 1, view.budget.n_actions)


class OneTooManyEvents(Attacker):
    def poison(self, view):
        return _rows(view, view.budget.n_fake_users, view.budget.n_actions + 1)


class OneEventTooMany(Attacker):
    """One event of one fake user above an otherwise exhausted budget."""

    def poison(self, view):
        n_users, n_actions = view.budget.n_fake_users, view.budget.n_actions
        return Sequences.of([*[[0] * n_actions] * (n_users - 1), [0] * (n_actions + 1)])


class PastTheCatalogue(Attacker):
    def poison(self, view):
        return _rows(view, 1, 1, view.history.n_items)


class Rubbish(Attacker):
    def poison(self, view):
        return [[1, 2, 3]]


class Raises(Attacker):
    def poison(self, view):
        raise RuntimeError("no idea what to do")


class Sleeps(Attacker):
    def poison(self, view):
        time.sleep(3600)


class Dies(Attacker):
    def poison(self, view):
        os._exit(3)


class AsksSurrogates(Attacker):
    """Writes targets only, and reports who it was lent."""

    def poison(self, view):
        self.report = {
            "surrogates": [s.name for s in view.surrogates],
            "samples": [s.fit().n_training_samples for s in view.surrogates],
            "events": view.history.n_events,
        }
        return Sequences.of([view.goal.items[: view.budget.n_actions]] * view.budget.n_fake_users)


class Prepares(Attacker):
    """Prepares an item of its seed's choice, and visits that alone."""

    def prepare(self, view):
        assert view.budget.n_fake_users == 0
        assert view.prepared is None
        return {"item": np.array(view.seed % view.history.n_items)}

    def poison(self, view):
        item = int(view.prepared["item"])
        return _rows(view, view.budget.n_fake_users, view.budget.n_actions, item)


class PreparesObjects(Prepares):
    def prepare(self, view):
        return {"item": np.array([object()])}


class DropsJumpers(Defense):
    """Genuine toy users walk from an item to the next one; whoever jumps is suspicious."""

    def keep(self, train, *, seed):
        self.jumps = np.array(
            [np.count_nonzero(np.diff(row) % train.n_items != 1) for row in train], dtype=float
        )
        return self.jumps == 0

    @property
    def suspicion(self):
        return self.jumps

    @property
    def report(self):
        return {"most_jumps": float(self.jumps.max(initial=0))}


class DropsLong(Defense):
    """Drops users with more than four training events: genuine ones, too."""

    def keep(self, train, *, seed):
        return train.lengths <= 4


class NotesWhatItSees(Defense):
    """Keeps everybody; reports where the last users of three events are, and how many tokens."""

    def keep(self, train, *, seed):
        self.last = np.flatnonzero(train.lengths == 3)[-12:]
        self.n_tokens = len(train.user_tokens)
        return np.ones(train.n_users, dtype=bool)

    @property
    def report(self):
        return {"first_of_last": float(self.last.min()), "user_tokens": float(self.n_tokens)}


class DropsEverybody(Defense):
    def keep(self, train, *, seed):
        return np.zeros(train.n_users, dtype=bool)


class LooksForTheHost(Defense):
    """Keeps everybody; reports how many objects in its process know users by their tokens."""

    def keep(self, train, *, seed):
        import gc

        self.found = sum(
            # `isinstance` asks each object for its class, and a lazy one then imports or raises
            issubclass(type(thing), Interactions) and len(thing.user_tokens) > 0
            for thing in gc.get_objects()
        )
        return np.ones(train.n_users, dtype=bool)

    @property
    def report(self):
        return {"found": float(self.found)}


class DefenseSleeps(Defense):
    def keep(self, train, *, seed):
        time.sleep(3600)


class ChangesTheData(Defense):
    def keep(self, train, *, seed):
        train.items[0] = 1


class Chooses(Attacker):
    """Uses the oracle only if it is told to."""

    def __init__(self, weights: str = "equal") -> None:
        self.weights = weights

    def poison(self, view):
        self.report = {"oracle": view.oracle is not None}
        return _rows(view, 1, 1)


class SeesNothing(Attacker):
    def poison(self, view):
        self.report = {
            "events": view.history.n_events,
            "users": view.history.n_users,
            "items": view.history.n_items,
        }
        return _rows(view, 1, 1)


class KeepsWhatItSees(Counts):
    """Holds all that it was fitted on, as a nearest-neighbour recommender may."""

    def fit(self, train, *, validation, seed):
        self.train, self.validation = train, validation
        return super().fit(train, validation=validation, seed=seed)


class Remembers(Counts):
    """Keeps every model that was ever fitted, as a library's cache may."""

    fitted: ClassVar[list["Remembers"]] = []

    def fit(self, train, *, validation, seed):
        self.fitted.append(self)
        return super().fit(train, validation=validation, seed=seed)


def out_of_range(outcome):
    return 2.0


def mean_target_rank(outcome):
    return float(np.nanmean(outcome.target_ranks))


def spread(outcome):
    return float(np.nanmax(outcome.target_ranks) - np.nanmin(outcome.target_ranks))


def shown_share(outcome, k):
    return float(np.nanmean(outcome.target_ranks <= k))


def shown_share_ceiling(n_targets, k):
    return k / (k + n_targets)


def ceiling_of_two(n_targets):
    return 2.0


class CountsEvents(InfluenceEstimator):
    """The longer, the better."""

    def fit(self, model, train, objective, *, seed):
        return self

    def influence(self, candidates):
        return np.array([len(row) + row.sum() / 1000 for row in candidates], dtype=float)

    def marginal_influence(self, prefixes, next_items):
        return next_items.astype(float)


class AnswersTooFew(CountsEvents):
    def influence(self, candidates):
        return super().influence(candidates)[1:]
