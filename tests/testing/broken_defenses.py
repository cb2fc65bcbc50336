"""A sound defense, broken in one way each."""

from contextlib import suppress
from pathlib import Path

import numpy as np
from mutants import breaks, state_of_the_global_generator

from loki_bench.contracts import Defense


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
