import dataclasses

import numpy as np
import pytest

from loki_bench.attackers.loki.attacker import Loki
from loki_bench.attackers.loki.outcome_estimator import (
    FittedEstimator,
    OutcomeEstimator,
    fit_estimators,
)
from loki_bench.contracts import ids
from loki_bench.errors import InvalidAnswerError, RejectedError, UnsolvedError


class Constant:
    """Answers every step with the next of the given values, over and over."""

    def __init__(self, *values):
        self.values = values

    def sequence_rewards(self, candidates):
        return np.resize(np.array(self.values, dtype=float), candidates.n_events)


def fitted(*estimators):
    return [
        FittedEstimator(name=f"s{i}", weight=weight, uses_order=False, estimator=estimator)
        for i, (weight, estimator) in enumerate(estimators)
    ]


REFERENCE = np.zeros((4, 2), dtype=np.int32)


def test_surrogates_of_any_scale_count_by_their_weights():
    """Standard deviations 1 and 1000: both standardise to +-1; weights 3 and 1."""
    reward = OutcomeEstimator(
        fitted((3.0, Constant(1.0, -1.0)), (1.0, Constant(-1000.0, 1000.0))), REFERENCE
    )
    assert reward.scales == {"s0": 1.0, "s1": 1000.0}
    assert reward.step_rewards(REFERENCE)[0].tolist() == [0.5, -0.5]


def test_an_estimator_without_the_fast_way_is_asked_step_by_step(planted_influence, loki_view):
    view = loki_view()
    samples = np.repeat(view.goal.users, 4), np.tile(view.goal.items, 3)
    ((only,), left_out) = fit_estimators(
        view, *samples, reward="influence", skip_nondifferentiable=False, seed=0
    )
    assert not left_out
    filler = int(view.history[0][0])
    sequences = np.array([[filler, 0, 0], [0, filler, 1]], dtype=np.int32)
    reward = OutcomeEstimator([only], sequences)
    raw = np.array([[0, 1, 0], [0, 0, 1]])
    assert reward.step_rewards(sequences) == pytest.approx(raw / raw.std())


@pytest.mark.parametrize("n", [0, 1])
def test_small_batches_have_the_right_shape(n):
    reward = OutcomeEstimator(fitted((1.0, Constant(1.0, 2.0))), REFERENCE)
    assert reward.step_rewards(np.zeros((n, 3), dtype=np.int32)).shape == (n, 3)


def test_an_estimator_that_diverges_is_named_with_its_surrogate():
    with pytest.raises(InvalidAnswerError, match=r"Constant.* NaN or infinity .*surrogate 's0'"):
        OutcomeEstimator(fitted((1.0, Constant(1.0, np.nan))), REFERENCE)


def test_an_estimator_that_finds_no_difference_is_an_error_not_a_division_by_zero():
    with pytest.raises(InvalidAnswerError, match=r"\(s0\) every step of 4 random sequences"):
        OutcomeEstimator(fitted((1.0, Constant(0.1))), REFERENCE)


def test_a_surrogate_on_which_every_step_is_alike_is_left_out_where_there_is_another():
    reward = OutcomeEstimator(fitted((3.0, Constant(0.1)), (1.0, Constant(2.0, -2.0))), REFERENCE)
    assert reward.left_out == {"s0": "every step of 4 random sequences has the same influence"}
    assert reward.scales == {"s1": 2.0}
    assert reward.step_rewards(REFERENCE)[0].tolist() == [1.0, -1.0]


def test_surrogates_without_any_vote_count_alike():
    two = fitted((0.0, Constant(1.0, -1.0)), (0.0, Constant(3.0, -3.0)))
    assert OutcomeEstimator(two, REFERENCE).step_rewards(REFERENCE)[0].tolist() == [1.0, -1.0]


def fit_all(view, **changes):
    options = {"reward": "influence", "skip_nondifferentiable": False, "seed": 0} | changes
    return fit_estimators(view, ids([0]), ids([1]), **options)


def test_the_estimator_is_fitted_on_what_the_surrogate_was_trained_on(loki_view):
    view = loki_view()
    ((only,), _) = fit_all(view)
    assert only.estimator.train is view.surrogates[0].train


def test_a_surrogate_that_cannot_be_differentiated_is_refused_by_name(loki_view, surrogate):
    view = loki_view(surrogates=lambda h: (surrogate(h, name="knn", opaque=True),))
    with pytest.raises(RejectedError, match=r"surrogate 'knn' \(PlainRecommender\)"):
        fit_all(view)


def test_on_request_such_a_surrogate_is_left_out(loki_view, surrogate):
    view = loki_view(
        surrogates=lambda h: (surrogate(h, name="knn", opaque=True), surrogate(h, weight=2.0))
    )
    ((only,), _) = fit_all(view, skip_nondifferentiable=True)
    assert (only.name, only.weight) == ("mf", 2.0)


def test_no_surrogate_left_is_an_error(loki_view, surrogate):
    view = loki_view(surrogates=lambda h: (surrogate(h, opaque=True),))
    with pytest.raises(RejectedError, match="none of the 1 surrogates"):
        fit_all(view, skip_nondifferentiable=True)
    with pytest.raises(RejectedError, match="none of the 0 surrogates"):
        fit_all(dataclasses.replace(view, surrogates=()))


def test_no_influence_estimator_is_an_error(loki_view):
    with pytest.raises(RejectedError, match="got no influence estimator"):
        fit_all(loki_view(influence=None))


def test_a_solver_that_fails_is_named_with_the_surrogate(loki_view, planted_influence):
    class Diverging(planted_influence):
        def fit(self, model, train, objective, *, seed):
            raise InvalidAnswerError("it diverged")

    with pytest.raises(InvalidAnswerError, match="surrogate 'mf': it diverged"):
        fit_all(loki_view(influence=Diverging))


def test_a_surrogate_whose_system_is_not_solved_is_left_out_where_there_is_another(
    loki_view, planted_influence, surrogate
):
    class Stuck(planted_influence):
        def fit(self, model, train, objective, *, seed):
            if model.is_hard:
                raise UnsolvedError("a residual of 1.2")
            return super().fit(model, train, objective, seed=seed)

    def pool(*hard):
        def lent(history):
            surrogates = [surrogate(history, name=f"s{i}") for i in range(len(hard))]
            for one, is_hard in zip(surrogates, hard, strict=True):
                one.model.is_hard = is_hard
            return tuple(surrogates)

        return loki_view(influence=Stuck, surrogates=lent)

    fitted, left_out = fit_all(pool(False, True))
    assert [one.name for one in fitted] == ["s0"]
    assert left_out == {"s1": "a residual of 1.2"}
    with pytest.raises(InvalidAnswerError, match=r"'s0': a residual of 1\.2"):
        fit_all(pool(True, True))
    quick = {"n_iterations": 4, "updates_per_iteration": 1, "motifs": False, "n_trials": 1}
    loki = Loki(n_clusters=2, list_length=4, **quick)
    loki.poison(pool(False, True))
    assert loki.report["left_out_of_reward"] == {"s1": "a residual of 1.2"}


def test_a_surrogate_that_tells_no_steps_apart_is_in_the_record(loki_view, surrogate):
    class TellsApart(loki_view().influence):
        def fit(self, model, train, objective, *, seed):
            self.is_flat = model.is_flat
            return super().fit(model, train, objective, seed=seed)

        def sequence_rewards(self, sequences):
            return super().sequence_rewards(sequences) * (not self.is_flat)

    def lent(history):
        pool = tuple(surrogate(history, name=name) for name in ("flat", "steep"))
        for one in pool:
            one.model.is_flat = one.name == "flat"
        return pool

    loki = Loki(n_iterations=4, updates_per_iteration=1, motifs=False, n_trials=1, list_length=4)
    loki.poison(loki_view(influence=TellsApart, surrogates=lent))
    assert set(loki.report["left_out_of_reward"]) == {"flat"}
    assert set(loki.report["surrogates"]) == {"steep"}


def test_a_surrogate_whose_scores_depend_on_the_order_of_events_is_told_apart(loki_view, surrogate):
    class LastItem(type(surrogate(loki_view().history).fit())):
        def score_next(self, users, histories):
            scores = super().score_next(users, histories)
            scores[:, 0] = [row[-1] for row in histories]
            return scores

    def lent(history):
        ordered = surrogate(history, name="ordered")
        ordered.model = LastItem(history.n_items)
        return surrogate(history), ordered

    assert [f.uses_order for f in fit_all(loki_view(surrogates=lent)).fitted] == [False, True]
