"""A sound defense, broken in one way each."""

from contextlib import suppress
from pathlib import Path

import numpy as np
from mutants import breaks, state_of_the_global_generator

from loki_bench.contracts import Defense, RobustTraining, WeightingDefense


class Sound(Defense):
    """Drops users who repeat a third of their events."""

    def keep(self, train, *, seed):
        repeated = [1 - len(set(row)) / max(1, len(row)) for row in train]
        return np.array([share < 1 / 3 for share in repeated], dtype=bool)


@breaks("check_defense_answers_crowds_of_none_one_and_seven")
class SqueezesItsAnswer(Sound):
    def keep(self, train, *, seed):
        return np.squeeze(super().keep(train, seed=seed))


@breaks("check_defense_seed_fixes_everything")
class ReadsTheGlobalGenerator(Sound):
    def keep(self, train, *, seed):
        kept = super().keep(train, seed=seed)
        if len(kept):
            kept[state_of_the_global_generator() % len(kept)] = False
        return kept


@breaks("check_defense_leaves_generators_alone")
class SeedsNumpy(Sound):
    def keep(self, train, *, seed):
        np.random.seed(seed)  # noqa: NPY002
        return super().keep(train, seed=seed)


@breaks("check_defense_leaves_the_process_alone")
class WritesAReport(Sound):
    def keep(self, train, *, seed):
        Path("report.txt").write_text("dropped")
        return super().keep(train, seed=seed)


@breaks("check_defense_leaves_its_input_alone")
class CleansTheData(Sound):
    def keep(self, train, *, seed):
        kept = super().keep(train, seed=seed)
        with suppress(ValueError):
            train.items[:] = 0
        return kept


@breaks("check_defense_forgets_the_last_data")
class Remembers(Sound):
    first = None

    def keep(self, train, *, seed):
        kept = super().keep(train, seed=seed)
        if self.first is not None:
            kept &= train.lengths > self.first
        self.first = int(train.lengths.min(initial=9)) + 5
        return kept


@breaks("check_defense_keeps_clean_users")
class ThrowsOutTheShort(Sound):
    def keep(self, train, *, seed):
        return super().keep(train, seed=seed) & (train.lengths > 8)


@breaks("check_defense_judges_users_wherever_they_stand")
class DropsTheLast(Sound):
    def keep(self, train, *, seed):
        kept = super().keep(train, seed=seed)
        kept[140:] = False
        return kept


@breaks("check_defense_takes_sequences_of_any_length")
class NeedsAFirstItem(Sound):
    def keep(self, train, *, seed):
        [row[0] for row in train]
        return super().keep(train, seed=seed)


@breaks("check_defense_rates_every_user_or_none")
class RatesWithNaN(Sound):
    def keep(self, train, *, seed):
        kept = super().keep(train, seed=seed)
        self.rating = np.where(train.lengths > 8, 0.0, np.nan)
        return kept

    @property
    def suspicion(self):
        return self.rating


@breaks("check_defense_rates_every_user_or_none")
class RatesTheDroppedOnly(Sound):
    def keep(self, train, *, seed):
        kept = super().keep(train, seed=seed)
        self.rating = np.ones(int((~kept).sum()))
        return kept

    @property
    def suspicion(self):
        return self.rating


@breaks("check_defense_reports_plain_data")
class ReportsItsMask(Sound):
    def keep(self, train, *, seed):
        self.kept = super().keep(train, seed=seed)
        return self.kept

    @property
    def report(self):
        return {"kept": self.kept}


class Weighs(WeightingDefense):
    """Halves users who repeat a third of their events."""

    def weigh(self, train, *, seed):
        repeated = [1 - len(set(row)) / max(1, len(row)) for row in train]
        return np.array([0.5 if share >= 1 / 3 else 1.0 for share in repeated], dtype=float)


@breaks("check_weighting_defense_gives_each_user_or_event_a_weight", form="weights")
class WeighsTwice(Weighs):
    def weigh(self, train, *, seed):
        return 2 * super().weigh(train, seed=seed)


@breaks("check_weighting_defense_seed_fixes_every_weight", form="weights")
class WeighsWithTheGlobalGenerator(Weighs):
    def weigh(self, train, *, seed):
        return super().weigh(train, seed=seed) * (1 - 1e-4 * state_of_the_global_generator())


@breaks("check_weighting_defense_forgets_the_last_weights", form="weights")
class WeighsLessEachTime(Weighs):
    factor = 1.0

    def weigh(self, train, *, seed):
        self.factor *= 0.9
        return super().weigh(train, seed=seed) * self.factor


@breaks("check_weighting_defense_weighs_users_wherever_they_stand", form="weights")
class WeighsTheLastDown(Weighs):
    def weigh(self, train, *, seed):
        weights = super().weigh(train, seed=seed)
        weights[140:] /= 2
        return weights


@breaks("check_weighting_defense_leaves_clean_users_their_weight", form="weights")
class WeighsEverybodyDown(Weighs):
    def weigh(self, train, *, seed):
        return 0.1 * super().weigh(train, seed=seed)


class TrainsTwice(RobustTraining):
    """The mean of two victims."""

    def fit(self, victim, train, *, seed):
        self.victims = [victim.fit(), victim.fit(kept=train.lengths > 0)]

    def score_next(self, users, histories):
        return np.mean([v.scores(users, histories) for v in self.victims], axis=0)


@breaks("check_robust_training_answers_for_the_victim", form="training")
class AnswersInFloat64(TrainsTwice):
    def score_next(self, users, histories):
        return super().score_next(users, histories).astype(np.float64)


@breaks("check_robust_training_seed_fixes_everything", form="training")
class TrainsOnTheGlobalGenerator(TrainsTwice):
    def score_next(self, users, histories):
        factor = np.float32(1 + state_of_the_global_generator())
        return super().score_next(users, histories) * factor


@breaks("check_robust_training_leaves_the_process_alone", form="training")
class WritesItsVictims(TrainsTwice):
    def fit(self, victim, train, *, seed):
        Path("victims.txt").write_text("two")
        super().fit(victim, train, seed=seed)


@breaks("check_robust_training_leaves_generators_alone", form="training")
class SeedsNumpyInTraining(TrainsTwice):
    def fit(self, victim, train, *, seed):
        np.random.seed(seed)  # noqa: NPY002
        super().fit(victim, train, seed=seed)


@breaks("check_robust_training_reports_plain_data", form="training")
class ReportsNothingThatThereIs(TrainsTwice):
    @property
    def report(self):
        return {"loss": self.loss}


@breaks("check_robust_training_keeps_what_clean_data_teach", form="training")
class AnswersTheSameForAll(TrainsTwice):
    def score_next(self, users, histories):
        return np.zeros_like(super().score_next(users, histories))
