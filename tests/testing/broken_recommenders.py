"""A sound recommender (the kit's ridge regression), broken in one way each."""

import copy
import os
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from mutants import breaks, change_the_warning_filters, state_of_the_global_generator

from loki_bench.contracts import (
    AdversarialRecommender,
    FineTunableRecommender,
    Recommender,
    TrainingSamples,
    WeightedRecommender,
)
from loki_bench.errors import ParameterError
from loki_bench.influence.objectives.derivatives import AutomaticLosses
from loki_bench.interactions import Sequences
from loki_bench.listed_ranks import scores_of_lists
from loki_bench.testing.ridge import RidgeRecommender


@breaks("check_recommender_fit_returns_itself")
class ReturnsACopy(RidgeRecommender):
    def fit(self, train, *, validation, seed):
        return copy.copy(super().fit(train, validation=validation, seed=seed))


@breaks("check_recommender_answers_batches_of_none_one_and_seven")
class ForgetsTheShapeOfNothing(RidgeRecommender):
    def score_next(self, users, histories):
        return super().score_next(users, histories) if len(users) else np.empty(0, np.float32)


@breaks("check_recommender_answers_batches_of_none_one_and_seven")
class AnswersInFloat64(RidgeRecommender):
    def score_next(self, users, histories):
        return super().score_next(users, histories).astype(np.float64)


@breaks("check_recommender_answers_alike_in_any_batch")
class LooksAtTheBatch(RidgeRecommender):
    def score_next(self, users, histories):
        scores = super().score_next(users, histories)
        scores[:, 0] += 0.01 * len(users)
        return scores


@breaks("check_recommender_seed_fixes_everything")
class ReadsTheGlobalGenerator(RidgeRecommender):
    def score_next(self, users, histories):
        return super().score_next(users, histories) + np.float32(state_of_the_global_generator())


class SpeaksNumpy(RidgeRecommender):
    """Reports and counts in numpy's numbers."""

    @property
    def fit_report(self):
        return {"loss": np.float32(0.5), "rounds": np.int64(3), "converged": np.True_}

    @property
    def n_training_samples(self):
        return np.int64(super().n_training_samples)


@breaks("check_recommender_reports_plain_data")
class ReportsALossThatThereIsNot(RidgeRecommender):
    @property
    def fit_report(self):
        return {"loss": self.loss}


@breaks("check_recommender_reports_plain_data")
class ReportsNaN(RidgeRecommender):
    @property
    def fit_report(self):
        return {"loss": np.float32("nan")}


@breaks("check_recommender_leaves_generators_alone")
class SeedsNumpy(RidgeRecommender):
    def fit(self, train, *, validation, seed):
        np.random.seed(seed % 2**32)  # noqa: NPY002
        return super().fit(train, validation=validation, seed=seed)


@breaks("check_recommender_leaves_generators_alone")
class SeedsTorch(RidgeRecommender):
    def fit(self, train, *, validation, seed):
        torch.manual_seed(seed)
        return super().fit(train, validation=validation, seed=seed)


@breaks("check_recommender_leaves_the_process_alone")
class WritesALog(RidgeRecommender):
    def fit(self, train, *, validation, seed):
        Path("log").mkdir(exist_ok=True)
        return super().fit(train, validation=validation, seed=seed)


@breaks("check_recommender_leaves_the_process_alone")
class ChoosesADevice(RidgeRecommender):
    def fit(self, train, *, validation, seed):
        os.environ["A_VARIABLE_OF_THIS_TEST"] = str(int(os.environ.get("A_VARIABLE", 0)) + 1)
        return super().fit(train, validation=validation, seed=seed)


@breaks("check_recommender_leaves_the_process_alone")
class ReadsArguments(RidgeRecommender):
    def fit(self, train, *, validation, seed):
        sys.argv.append("--seen")
        return super().fit(train, validation=validation, seed=seed)


@breaks("check_recommender_leaves_the_process_alone")
class SilencesWarnings(RidgeRecommender):
    def fit(self, train, *, validation, seed):
        change_the_warning_filters()
        return super().fit(train, validation=validation, seed=seed)


@breaks("check_recommender_leaves_its_input_alone")
class SortsTheValidationEvents(RidgeRecommender):
    def fit(self, train, *, validation, seed):
        with suppress(AttributeError, ValueError):
            validation.items.sort()
        return super().fit(train, validation=validation, seed=seed)


@breaks("check_recommender_leaves_its_input_alone")
class ShuffleHistories(RidgeRecommender):
    def score_next(self, users, histories):
        scores = super().score_next(users, histories)
        with suppress(ValueError):
            histories.items[:] = histories.items[::-1].copy()
        return scores


@breaks("check_recommender_refit_forgets")
class CountsItsFits(RidgeRecommender):
    n_fits = 0

    def fit(self, train, *, validation, seed):
        self.n_fits += 1
        return super().fit(train, validation=validation, seed=seed)

    def score_next(self, users, histories):
        return super().score_next(users, histories) * np.float32(self.n_fits)


@breaks("check_recommender_fits_sequences_of_any_length")
class NeedsEvents(RidgeRecommender):
    def fit(self, train, *, validation, seed):
        first = [row[0] for row in train]
        return super().fit(train, validation=validation, seed=seed) if first else self


@breaks("check_recommender_takes_empty_histories")
class DividesByTheLength(RidgeRecommender):
    def score_next(self, users, histories):
        scores = super().score_next(users, histories)
        scores[histories.lengths == 0] = np.nan
        return scores


@breaks("check_recommender_refuses_unknown_ids")
class ClipsUsers(RidgeRecommender):
    def score_next(self, users, histories):
        return super().score_next(np.clip(users, 0, self._n_users - 1), histories)


@breaks("check_recommender_refuses_unknown_ids")
class DropsUnknownItems(RidgeRecommender):
    def score_next(self, users, histories):
        rows = [row[row < self._n_items] for row in histories]
        return super().score_next(users, Sequences.of(rows))


@breaks("check_recommender_pickles")
class HoldsAFunction(RidgeRecommender):
    def fit(self, train, *, validation, seed):
        self.activation = lambda x: x
        return super().fit(train, validation=validation, seed=seed)


@breaks("check_recommender_pickles")
class PicklesHalf(RidgeRecommender):
    def __setstate__(self, state):
        self.__dict__.update(state)
        self._weights = -self._weights


class OrderFree(Recommender):
    """Counts how often items come together with those of the history, in any order."""

    def fit(self, train, *, validation, seed):
        self.n_users, self.n_items = train.n_users, train.n_items
        seen = np.zeros((train.n_users, train.n_items))
        seen[train.rows, train.items] = 1.0
        self.together = (seen.T @ seen).astype(np.float32)
        self.counts = train.item_counts.astype(np.float32)
        return self

    def score_next(self, users, histories):
        if len(users) and not 0 <= users.min() <= users.max() < self.n_users:
            raise IndexError("no such user")
        scores = [self.together[np.sort(row)].sum(axis=0) for row in histories]
        return np.array(scores, dtype=np.float32).reshape(len(users), self.n_items)


@breaks("check_recommender_learns_planted_groups", uses_order=False)
class KnowsPopularityOnly(OrderFree):
    def score_next(self, users, histories):
        return super().score_next(users, histories) * 0 + self.counts


@breaks("check_recommender_uses_order_as_declared", uses_order=True)
class DeclaresAnOrderThatItIgnores(OrderFree):
    pass


@breaks("check_recommender_uses_order_as_declared", uses_order=False)
class HidesThatOrderMatters(RidgeRecommender):
    pass


@breaks("check_sequence_recommender_scores_a_history_alike_for_all_users", answers_sequences=True)
class LooksAtTheUser(RidgeRecommender):
    def score_next(self, users, histories):
        return super().score_next(users, histories) * (
            1 + 0.001 * users[:, None].astype(np.float32)
        )


class Lists(OrderFree):
    """A service that shows everybody ten items that are new to the user."""

    def __init__(self, *, length=10):
        self.length = length

    def score_next(self, users, histories):
        scores = super().score_next(users, histories)
        scores[histories.rows, histories.items] = -np.inf
        best = np.argsort(-scores, axis=1, kind="stable")[:, : self.length]
        return scores_of_lists(best, n_items=self.n_items)


LISTS = {"uses_order": False, "answers": "top-k", "list_length": "length"}


@breaks("check_recommender_lists_as_many_items_as_it_promises", **LISTS)
class ListsTheHistoryToo(Lists):
    def score_next(self, users, histories):
        best = np.argsort(-OrderFree.score_next(self, users, histories), axis=1, kind="stable")
        return scores_of_lists(best[:, : self.length], n_items=self.n_items)


@breaks("check_recommender_lists_as_many_items_as_it_promises", **LISTS)
class ListsWithoutAnOrder(Lists):
    def score_next(self, users, histories):
        return np.minimum(super().score_next(users, histories), 9)


@breaks(
    "check_recommender_answers_batches_of_none_one_and_seven",
    also=(
        "check_recommender_fits_sequences_of_any_length",
        "check_recommender_takes_empty_histories",
    ),
    uses_order=False,
)
class ListsAndDoesNotSaySo(Lists):
    pass


@breaks("check_recommender_counts_the_samples_of_fake_users")
class CountsWrongly(RidgeRecommender):
    @property
    def n_training_samples(self):
        return 100


# --------------------------------------------------------------------------- differentiable


@breaks("check_differentiable_parameters_are_the_models_own", differentiable=True)
class ScoresFromACopy(RidgeRecommender):
    def fit(self, train, *, validation, seed):
        super().fit(train, validation=validation, seed=seed)
        self._table = self._weights.detach().numpy().copy()
        return self

    @property
    def weights(self):
        return self._table


@breaks("check_differentiable_samples_come_from_the_data", differentiable=True)
class IgnoresTheSeedOfSamples(RidgeRecommender):
    calls = 0

    def training_samples(self, train, *, seed):
        samples = super().training_samples(train, seed=seed)
        type(self).calls += 1
        return TrainingSamples(
            users=samples.users,
            last_items=samples.last_items,
            positives=samples.positives,
            negatives=(samples.negatives + self.calls) % train.n_items,
        )


@breaks("check_differentiable_samples_come_from_the_data", differentiable=True)
class InventsPositives(RidgeRecommender):
    def training_samples(self, train, *, seed):
        samples = super().training_samples(train, seed=seed)
        return TrainingSamples(
            users=samples.users[::-1].copy(),
            last_items=samples.last_items,
            positives=samples.positives,
            negatives=samples.negatives,
        )


@breaks("check_differentiable_loss_has_a_value_for_each_sample", differentiable=True)
class GivesTheMeanLoss(RidgeRecommender):
    def sample_loss(self, samples):
        return super().sample_loss(samples).mean()


def _wrong_gradient(value):
    return value.detach() + 2.0 * (value - value.detach())


@breaks("check_differentiable_loss_has_a_true_gradient", differentiable=True)
class DoublesTheLossGradient(RidgeRecommender):
    def sample_loss(self, samples):
        return _wrong_gradient(super().sample_loss(samples))


@breaks("check_differentiable_loss_has_a_true_gradient", differentiable=True)
class DetachesItsLoss(RidgeRecommender):
    def sample_loss(self, samples):
        return super().sample_loss(samples).detach()


class _Linearised(RidgeRecommender):
    """Answers ``linearised_losses`` by torch; ``scale`` spoils values, jvp and vjp."""

    scale = (1.0, 1.0, 1.0)

    def linearised_losses(self, samples, *, keep):
        true, (values, jvp, vjp) = AutomaticLosses(self, samples), self.scale

        class Scaled:
            @property
            def values(self):
                return values * true.values

            def jvp(self, direction):
                return jvp * true.jvp(direction)

            def vjp(self, cotangent):
                return [vjp * g for g in true.vjp(cotangent)]

        return Scaled()


@breaks("check_differentiable_linearised_losses_are_those_of_sample_loss", differentiable=True)
class LinearisesOtherLosses(_Linearised):
    scale = (1.5, 1.0, 1.0)


@breaks("check_differentiable_linearised_losses_are_those_of_sample_loss", differentiable=True)
class HasAWrongForwardDerivative(_Linearised):
    scale = (1.0, 1.5, 1.0)


@breaks("check_differentiable_linearised_losses_are_those_of_sample_loss", differentiable=True)
class HasAWrongBackwardDerivative(_Linearised):
    scale = (1.0, 1.0, -1.0)


@breaks("check_differentiable_score_has_a_true_gradient", differentiable=True)
class DoublesTheScoreGradient(RidgeRecommender):
    def target_score(self, users, histories, items):
        return _wrong_gradient(super().target_score(users, histories, items))


@breaks("check_differentiable_scoring_first_leaves_the_gradients", differentiable=True)
class ForgetsItsGradientWhenItScores(RidgeRecommender):
    def score_next(self, users, histories):
        if self._weights is not None:
            self._weights.requires_grad_(False)
        return super().score_next(users, histories)


@breaks("check_differentiable_scoring_first_leaves_the_gradients", differentiable=True)
class ScoresOnADoubledScale(RidgeRecommender):
    asked = False

    def score_next(self, users, histories):
        self.asked = True
        return super().score_next(users, histories)

    def target_score(self, users, histories, items):
        return super().target_score(users, histories, items) * (1 + self.asked)


@breaks("check_differentiable_target_score_ranks_as_score_next", differentiable=True)
class ScoresTheOtherWay(RidgeRecommender):
    def target_score(self, users, histories, items):
        return -super().target_score(users, histories, items)


@breaks("check_differentiable_l2_fits_the_parameters", differentiable=True)
class ForgetsItsL2(RidgeRecommender):
    def l2_coefficients(self, samples):
        return []


@breaks("check_differentiable_l2_fits_the_parameters", differentiable=True)
class GivesL2OfAnotherShape(RidgeRecommender):
    def l2_coefficients(self, samples):
        return [torch.ones(3, 7, dtype=torch.float64)]


class Weighted(RidgeRecommender, WeightedRecommender):
    """Weighs the samples of its least squares: each event is what one of them predicts."""

    def fit_weighted(self, train, *, validation, seed, weights):
        self.fit(train, validation=validation, seed=seed)
        samples = self.training_samples(train, seed=seed)
        known = np.zeros((len(samples), train.n_items + 1))
        known[np.arange(len(samples)), samples.last_items + 1] = 1.0
        known[:, 0] = 1.0
        weighed = weights[:, None] * known
        self.curvature = weighed.T @ known + self.l2 * np.eye(train.n_items + 1)
        targets = weighed.T @ np.eye(train.n_items)[samples.positives]
        solved = np.linalg.solve(self.curvature, targets)
        self._weights = torch.from_numpy(solved).requires_grad_()
        return self


@breaks("check_weighted_recommender_fits_as_usual_where_all_weights_are_one", takes_weights=True)
class TakesAnotherSeedForWeights(Weighted):
    def fit_weighted(self, train, *, validation, seed, weights):
        super().fit_weighted(train, validation=validation, seed=seed, weights=weights)
        self._weights = (self._weights * 1.001).detach().requires_grad_()
        return self


@breaks("check_weighted_recommender_learns_nothing_from_events_without_weight", takes_weights=True)
class WeighsNothingALittle(Weighted):
    def fit_weighted(self, train, *, validation, seed, weights):
        least = np.maximum(weights, 0.01)
        return super().fit_weighted(train, validation=validation, seed=seed, weights=least)


@breaks("check_weighted_recommender_counts_events_as_often_as_they_weigh", takes_weights=True)
class CountsWhateverWeighsAnythingOnce(Weighted):
    def fit_weighted(self, train, *, validation, seed, weights):
        once = np.ceil(np.minimum(weights, 1.0))
        return super().fit_weighted(train, validation=validation, seed=seed, weights=once)


@breaks("check_weighted_recommender_counts_events_as_often_as_they_weigh", takes_weights=True)
class LeavesOutWhatWeighsLessThanHalf(Weighted):
    def fit_weighted(self, train, *, validation, seed, weights):
        heavy = np.where(weights < 0.5, 0.0, weights)
        return super().fit_weighted(train, validation=validation, seed=seed, weights=heavy)


@breaks("check_weighted_recommender_counts_events_as_often_as_they_weigh", takes_weights=True)
class TakesOneForTheMost(Weighted):
    def fit_weighted(self, train, *, validation, seed, weights):
        most = np.minimum(weights, 1.0)
        return super().fit_weighted(train, validation=validation, seed=seed, weights=most)


@breaks(
    "check_weighted_recommender_learns_nothing_from_events_without_weight",
    also=("check_weighted_recommender_counts_events_as_often_as_they_weigh",),
    takes_weights=True,
)
class IgnoresTheWeights(Weighted):
    def fit_weighted(self, train, *, validation, seed, weights):
        return self.fit(train, validation=validation, seed=seed)


class Adversarial(RidgeRecommender, AdversarialRecommender):
    """Shrinks its weights: a ridge is what a linear score has against noise on its input."""

    def fit_adversarial(self, train, *, validation, seed, noise):
        of_users = 1.0 if noise.of_users is None else noise.of_users.mean()
        plain = self.l2
        self.l2 = plain + noise.weight * noise.radius * of_users
        self.fit(train, validation=validation, seed=seed)
        self.l2 = plain
        return self


@breaks("check_adversarial_recommender_fits_as_usual_where_noise_has_no_weight", takes_noise=True)
class ShrinksWithoutNoise(Adversarial):
    def fit_adversarial(self, train, *, validation, seed, noise):
        noise = replace(noise, weight=noise.weight + 0.1)
        return super().fit_adversarial(train, validation=validation, seed=seed, noise=noise)


@breaks("check_adversarial_recommender_moves_nobody_whose_radius_is_zero", takes_noise=True)
class IgnoresWhoseNoiseItIs(Adversarial):
    def fit_adversarial(self, train, *, validation, seed, noise):
        noise = replace(noise, of_users=None)
        return super().fit_adversarial(train, validation=validation, seed=seed, noise=noise)


@breaks("check_adversarial_recommender_learns_under_noise_and_hears_it", takes_noise=True)
class IgnoresTheNoise(Adversarial):
    def fit_adversarial(self, train, *, validation, seed, noise):
        return self.fit(train, validation=validation, seed=seed)


@breaks("check_adversarial_recommender_learns_under_noise_and_hears_it", takes_noise=True)
class LearnsNothingUnderNoise(Adversarial):
    def fit_adversarial(self, train, *, validation, seed, noise):
        self.fit(train, validation=validation, seed=seed)
        if noise.weight * noise.radius and noise.of_users is None:
            self._weights = torch.zeros_like(self._weights).requires_grad_()
        return self


class WithUserRows(RidgeRecommender):
    """Keeps a row for each user, the sum and the number of the user's items, and a network of one
    number; scores do without both."""

    def fit(self, train, *, validation, seed):
        super().fit(train, validation=validation, seed=seed)
        self._own, self._network = self._rows_of(train), torch.ones(1, dtype=torch.float64)
        return self

    def _rows_of(self, train):
        return torch.tensor([[row.sum(), len(row)] for row in train], dtype=torch.float64)

    def fit_rows(self, train, *, users, items, seed):
        old, network = self._own, self._network
        super().fit_rows(train, users=users, items=items, seed=seed)
        self._network = network
        stay = np.setdiff1d(np.arange(len(old)), users)
        self._own[stay] = old[stay]
        # from scratch: what a row begins with is not what the fit began with
        self._own[users] += 0.01
        return self

    def parameters(self):
        return [*super().parameters(), self._own, self._network]


MOVES = "check_rowwise_recommender_moves_what_it_is_asked_for"


@breaks(MOVES, trains_rows=True)
class MovesAllUsers(WithUserRows):
    def fit_rows(self, train, *, users, items, seed):
        everybody = np.arange(self._n_users, dtype=np.int32)
        self._check(users, items)
        return super().fit_rows(train, users=everybody, items=items, seed=seed)


@breaks(MOVES, trains_rows=True)
class LeavesTheUserThatItIsGiven(WithUserRows):
    def fit_rows(self, train, *, users, items, seed):
        self._check(users, items)
        return super().fit_rows(train, users=users[:0], items=items, seed=seed)


@breaks(MOVES, trains_rows=True)
class MovesTheNetwork(WithUserRows):
    def fit_rows(self, train, *, users, items, seed):
        super().fit_rows(train, users=users, items=items, seed=seed)
        self._network = self._network + 0.5
        return self


@breaks(MOVES, trains_rows=True)
class TrainsAllRowsAnew(RidgeRecommender):
    def fit_rows(self, train, *, users, items, seed):
        super().fit_rows(train, users=users, items=items, seed=seed)
        return self.fit(train, validation=None, seed=seed)


@breaks(
    "check_rowwise_recommender_learns_of_further_users",
    also=(MOVES,),
    trains_rows=True,
)
class TrainsNoRow(RidgeRecommender):
    def fit_rows(self, train, *, users, items, seed):
        self._check(users, items)
        return super().fit_rows(train, users=users, items=items[:0], seed=seed)


@breaks("check_rowwise_recommender_learns_of_further_users", trains_rows=True)
class LeavesFurtherUsersAtTheirBeginning(WithUserRows):
    def fit_rows(self, train, *, users, items, seed):
        n_known = self._n_users
        super().fit_rows(train, users=users, items=items, seed=seed)
        self._own[n_known:] = 0.1
        return self


@breaks("check_rowwise_recommender_gives_one_answer", trains_rows=True)
class TrainsRowsByTheGlobalGenerator(RidgeRecommender):
    def fit_rows(self, train, *, users, items, seed):
        super().fit_rows(train, users=users, items=items, seed=seed)
        self.weights[:, items] += state_of_the_global_generator() / 1e6
        return self


@breaks(
    "check_rowwise_recommender_gives_one_answer",
    also=("check_rowwise_recommender_learns_of_further_users",),
    trains_rows=True,
)
class SharesItsRowsWithItsCopies(RidgeRecommender):
    def __deepcopy__(self, memo):
        return copy.copy(self)

    def fit_rows(self, train, *, users, items, seed):
        shared = self._weights
        super().fit_rows(train, users=users, items=items, seed=seed)
        shared.detach()[:] = self._weights.detach()
        self._weights = shared
        return self


@breaks("check_rowwise_recommender_refuses_what_its_fit_did_not_know", trains_rows=True)
class ForgetsItsFitBeforeItRefuses(RidgeRecommender):
    def fit_rows(self, train, *, users, items, seed):
        try:
            return super().fit_rows(train, users=users, items=items, seed=seed)
        except ParameterError:
            self._weights = torch.zeros_like(self._weights).requires_grad_()
            raise


@breaks("check_rowwise_recommender_refuses_what_its_fit_did_not_know", trains_rows=True)
class ClipsUnknownItems(RidgeRecommender):
    def fit_rows(self, train, *, users, items, seed):
        known = np.clip(items, 0, self._n_items - 1)
        return super().fit_rows(train, users=users, items=known, seed=seed)


class FineTunable(RidgeRecommender, FineTunableRecommender):
    """Goes half of the way from its weights to those of a fit on the new data."""

    def fine_tune(self, train, *, seed, epochs):
        old = self._weights.detach().clone()
        self.fit(train, validation=None, seed=seed)
        self._weights = ((old + self._weights.detach()) / 2).requires_grad_()
        return self


@breaks("check_fine_tunable_recommender_gives_one_answer", fine_tunes=True)
class TunesByAGeneratorOfItsOwn(FineTunable):
    def fine_tune(self, train, *, seed, epochs):
        super().fine_tune(train, seed=seed, epochs=epochs)
        drawn = float(np.random.default_rng().random())
        self._weights = (self._weights.detach() * (1 + drawn / 1000)).requires_grad_()
        return self


@breaks("check_fine_tunable_recommender_goes_on_from_its_fit", fine_tunes=True)
class TrainsFromScratch(FineTunable):
    def fine_tune(self, train, *, seed, epochs):
        return self.fit(train, validation=None, seed=seed)


@breaks("check_fine_tunable_recommender_learns_from_what_it_goes_on_with", fine_tunes=True)
class TrainsOnNothing(FineTunable):
    def fine_tune(self, train, *, seed, epochs):
        old = self._weights
        super().fine_tune(train, seed=seed, epochs=epochs)
        self._weights = old
        return self


@breaks("check_fine_tunable_recommender_learns_from_what_it_goes_on_with", fine_tunes=True)
class LeavesFurtherUsersOut(FineTunable):
    def fine_tune(self, train, *, seed, epochs):
        n_known, n_users = self._n_users, train.n_users
        n_samples = len(self.training_samples(train, seed=seed))
        known = train.with_sequences(train.take(range(n_known)))
        super().fine_tune(known, seed=seed, epochs=epochs)
        # a step on the known users, too: without one it would train on nothing
        self._weights = (self._weights.detach() * 1.01).requires_grad_()
        self._n_users, self._n_samples = n_users, n_samples
        return self


@breaks("check_fine_tunable_recommender_learns_of_further_users", fine_tunes=True)
class ForgetsToCountFurtherUsers(FineTunable):
    def fine_tune(self, train, *, seed, epochs):
        before = self.n_training_samples
        super().fine_tune(train, seed=seed, epochs=epochs)
        self._counted = before
        return self

    @property
    def n_training_samples(self):
        counted = getattr(self, "_counted", None)
        return super().n_training_samples if counted is None else counted
