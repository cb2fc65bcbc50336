"""A sound influence estimator (the kit's closed form), broken in one way each."""

import os

import numpy as np
from mutants import breaks, state_of_the_global_generator

from loki_bench.interactions import Sequences
from loki_bench.testing.estimator_cases import N_ITEMS
from loki_bench.testing.ridge import RidgeInfluence


@breaks("check_estimator_answers_candidates_of_none_one_and_seven")
class AnswersNothingWithZero(RidgeInfluence):
    def influence(self, candidates):
        return super().influence(candidates) if len(candidates) else np.zeros(1)


@breaks("check_estimator_answers_alike_in_any_batch")
class LooksAtTheBatch(RidgeInfluence):
    def influence(self, candidates):
        values = super().influence(candidates)
        return values + 0.01 * np.abs(values).max(initial=0.0) * (len(values) - 1)


@breaks(
    "check_estimator_takes_empty_prefixes",
    # the first reward of a sequence is a marginal after an empty prefix
    also=["check_estimator_rewards_of_a_sequence_are_its_marginals"],
)
class NeedsALastItem(RidgeInfluence):
    def marginal_influence(self, prefixes, next_items):
        values = super().marginal_influence(prefixes, next_items)
        return np.where(prefixes.lengths > 0, values, np.nan)

    def sequence_rewards(self, sequences):
        return super().marginal_influence(sequences.prefixes(), sequences.items)


@breaks("check_estimator_rewards_of_a_sequence_are_its_marginals")
class RewardsInTotal(RidgeInfluence):
    def influence(self, candidates):
        total = np.zeros(len(candidates))
        np.add.at(total, candidates.rows, super().sequence_rewards(candidates))
        return total

    def sequence_rewards(self, sequences):
        return np.cumsum(super().sequence_rewards(sequences))


@breaks("check_estimator_reports_plain_data")
class ReportsAnArray(RidgeInfluence):
    @property
    def report(self):
        return {"residuals": np.zeros(3)}


@breaks("check_estimator_seed_fixes_everything")
class ReadsTheGlobalGenerator(RidgeInfluence):
    def influence(self, candidates):
        return super().influence(candidates) * (1 + 1e-7 * state_of_the_global_generator())


@breaks("check_estimator_leaves_generators_alone")
class SeedsNumpy(RidgeInfluence):
    def fit(self, model, train, objective, *, seed):
        np.random.seed(seed)  # noqa: NPY002
        return super().fit(model, train, objective, seed=seed)


@breaks("check_estimator_leaves_the_process_alone")
class SetsThreads(RidgeInfluence):
    def fit(self, model, train, objective, *, seed):
        os.environ["A_NUMBER_OF_THREADS"] = "1"
        return super().fit(model, train, objective, seed=seed)


@breaks("check_estimator_leaves_its_input_alone")
class TurnsTheUsers(RidgeInfluence):
    def fit(self, model, train, objective, *, seed):
        objective.users[:] = objective.users[::-1].copy()
        return super().fit(model, train, objective, seed=seed)


@breaks("check_estimator_leaves_its_input_alone")
class StepsTheModel(RidgeInfluence):
    def marginal_influence(self, prefixes, next_items):
        values = super().marginal_influence(prefixes, next_items)
        if len(values) == 22:  # the one batch of this check: the model is shared with the others
            self._model.parameters()[0].data += 1.0
        return values

    def fit(self, model, train, objective, *, seed):
        self._model = model
        return super().fit(model, train, objective, seed=seed)


@breaks("check_estimator_refit_forgets")
class AddsUp(RidgeInfluence):
    def fit(self, model, train, objective, *, seed):
        before = self._worth
        super().fit(model, train, objective, seed=seed)
        self._worth = self._worth if before is None else self._worth + before
        return self


@breaks("check_estimator_refuses_unknown_items")
class ClipsItems(RidgeInfluence):
    def influence(self, candidates):
        rows = [np.minimum(row, N_ITEMS - 1) for row in candidates]
        return super().influence(Sequences.of(rows))


@breaks("check_estimator_sign_is_that_of_an_exact_refit")
class ForgetsTheMinus(RidgeInfluence):
    def influence(self, candidates):
        return -super().influence(candidates)


@breaks("check_estimator_sign_is_that_of_an_exact_refit")
class GivesSizesOnly(RidgeInfluence):
    def influence(self, candidates):
        return np.abs(super().influence(candidates))


@breaks("check_estimator_scale_is_that_of_an_exact_refit")
class ForgetsTheNumberOfSamples(RidgeInfluence):
    def influence(self, candidates):
        return super().influence(candidates) * 400


@breaks("check_estimator_scale_is_that_of_an_exact_refit")
class IsFarTooSmall(RidgeInfluence):
    def influence(self, candidates):
        return super().influence(candidates) / 10
