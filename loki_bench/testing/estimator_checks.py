"""What every influence estimator promises (``contracts.InfluenceEstimator``)."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.answer_checks import checked_solver_report
from loki_bench.contracts import InfluenceEstimator
from loki_bench.interactions import Sequences
from loki_bench.testing.estimator_cases import (
    N_ITEMS,
    SEED,
    TARGET,
    fitted_estimator,
)
from loki_bench.testing.subject import Subject, as_broken_promise, promise, raises
from loki_bench.testing.surroundings import (
    contained,
    different_generators,
    watched_generators,
    watched_process,
)

__all__ = [
    "check_estimator_answers_alike_in_any_batch",
    "check_estimator_answers_candidates_of_none_one_and_seven",
    "check_estimator_leaves_generators_alone",
    "check_estimator_leaves_its_input_alone",
    "check_estimator_leaves_the_process_alone",
    "check_estimator_refit_forgets",
    "check_estimator_refuses_unknown_items",
    "check_estimator_reports_plain_data",
    "check_estimator_rewards_of_a_sequence_are_its_marginals",
    "check_estimator_scale_is_that_of_an_exact_refit",
    "check_estimator_seed_fixes_everything",
    "check_estimator_sign_is_that_of_an_exact_refit",
    "check_estimator_takes_empty_prefixes",
]


@contained
def check_estimator_answers_candidates_of_none_one_and_seven(subject: Subject) -> None:
    """0, 1 and 7 candidates, or prefixes, get finite float64 values of shape (n,)."""
    estimator, case = fitted_estimator(subject)
    for n in (0, 1, 7):
        rows = case.candidates.take(range(n))
        for values, what in (
            (estimator.influence(rows), "influence"),
            (estimator.marginal_influence(rows, _next_items(n)), "marginal_influence"),
        ):
            promise(
                isinstance(values, np.ndarray)
                and values.dtype == np.float64
                and values.shape == (n,)
                and bool(np.isfinite(values).all()),
                subject,
                f"must answer {what} of {n} rows with finite float64 values of shape ({n},)",
            )


@contained
def check_estimator_answers_alike_in_any_batch(subject: Subject) -> None:
    """A candidate's influence does not depend on the candidates beside it."""
    estimator, case = fitted_estimator(subject)
    rows = case.candidates.take(range(7))
    together = estimator.influence(rows)
    alone = np.concatenate([estimator.influence(rows.take([row])) for row in range(7)])
    backwards = estimator.influence(rows.take(range(6, -1, -1)))[::-1]
    promise(
        _close(alone, together) and _close(backwards, together),
        subject,
        "values a candidate otherwise when others are beside it",
    )


@contained
def check_estimator_takes_empty_prefixes(subject: Subject) -> None:
    """The first item of a sequence has a marginal influence: after an empty prefix."""
    estimator, _ = fitted_estimator(subject)
    values = estimator.marginal_influence(
        Sequences.of([[], [1, 2]]), np.array([TARGET, TARGET], dtype=np.int32)
    )
    promise(
        values.shape == (2,) and bool(np.isfinite(values).all()),
        subject,
        "has no finite marginal influence after an empty prefix",
    )


@contained
def check_estimator_reports_plain_data(subject: Subject) -> None:
    """``report`` after ``fit`` is a mapping of names to numbers, finite or not."""
    estimator, _ = fitted_estimator(subject)
    with as_broken_promise():
        checked_solver_report(estimator.report, who=str(subject))


@contained
def check_estimator_rewards_of_a_sequence_are_its_marginals(subject: Subject) -> None:
    """``sequence_rewards`` gives, event by event, what ``marginal_influence`` does."""
    estimator, case = fitted_estimator(subject)
    rows = case.candidates.take(range(5))
    rewards = estimator.sequence_rewards(rows)
    one_by_one = estimator.marginal_influence(rows.prefixes(), rows.items)
    promise(
        rewards.shape == one_by_one.shape and _close(rewards, one_by_one),
        subject,
        "rewards the events of a sequence otherwise than their marginal influences",
    )


@contained
def check_estimator_seed_fixes_everything(subject: Subject) -> None:
    """The same model and seed give the same values, whatever the process's generators hold."""

    def values() -> NDArray[np.float64]:
        estimator, case = fitted_estimator(subject)
        return estimator.influence(case.candidates.take(range(7)))

    first, second = different_generators(values)
    promise(
        first.tobytes() == second.tobytes(),
        subject,
        "gave two answers for one seed: take all randomness from the seed given to fit",
    )


@contained
def check_estimator_leaves_generators_alone(subject: Subject) -> None:
    """No global generator (random, numpy, torch) is drawn from or seeded."""
    watched_generators(lambda: _used(subject), subject)


@contained
def check_estimator_leaves_the_process_alone(subject: Subject) -> None:
    """No file in the working folder; argv, environment and warning filters stay as they were."""
    watched_process(lambda: _used(subject), subject)


@contained
def check_estimator_leaves_its_input_alone(subject: Subject) -> None:
    """The model's parameters, the objective and the training data are as they were before."""
    estimator, case = fitted_estimator(subject)
    objective = case.objective
    arrays = [p.detach().numpy() for p in case.model.parameters()]
    arrays += [objective.users, objective.items, objective.weights]
    before = [array.copy() for array in arrays]
    try:
        estimator.fit(case.model, case.train, objective, seed=SEED)
        estimator.influence(case.candidates)
        estimator.marginal_influence(case.candidates, _next_items(len(case.candidates)))
        kept = all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True))
    finally:
        for array, was in zip(arrays, before, strict=True):
            array[...] = was  # the model is shared with the other checks
    promise(kept, subject, "changed the model or the objective that it was given")


@contained
def check_estimator_refit_forgets(subject: Subject) -> None:
    """A second ``fit`` on one object gives what it gives on a new one."""
    fresh, case = fitted_estimator(subject)
    used, _ = fitted_estimator(subject)
    objective = case.objective
    other = type(objective)(
        users=objective.users,
        histories=objective.histories,
        items=np.full_like(objective.items, TARGET - 1),
        weights=-3.0 * objective.weights,
    )
    used.fit(case.model, case.train, other, seed=1)
    used.fit(case.model, case.train, objective, seed=SEED)
    promise(
        np.array_equal(used.influence(case.candidates), fresh.influence(case.candidates)),
        subject,
        "remembers an earlier fit",
    )


@contained
def check_estimator_refuses_unknown_items(subject: Subject) -> None:
    """A candidate with an item outside the catalogue raises an error."""
    estimator, _ = fitted_estimator(subject)
    unknown = Sequences.of([[0, N_ITEMS]])
    promise(
        raises(lambda: estimator.influence(unknown)),
        subject,
        f"valued item {N_ITEMS} of a catalogue of {N_ITEMS}; raise an error",
    )
    promise(
        raises(
            lambda: estimator.marginal_influence(
                Sequences.of([[0]]), np.array([N_ITEMS], dtype=np.int32)
            )
        ),
        subject,
        f"valued the next item {N_ITEMS} of a catalogue of {N_ITEMS}; raise an error",
    )


@contained
def check_estimator_sign_is_that_of_an_exact_refit(subject: Subject) -> None:
    """What clearly raises the objective has a positive value; of its negative, a negative one.

    The truth is an exact refit with each candidate. Clear is what moves the objective by at least
    a third as much as the strongest candidate does.
    """
    for weight in (1.0, -1.0):
        estimator, case = fitted_estimator(subject, weight=weight)
        predicted = estimator.influence(case.candidates)
        clear = np.abs(case.truth) >= np.abs(case.truth).max() / 3
        right = np.sign(predicted[clear]) == np.sign(case.truth[clear])
        promise(
            bool(right.all()),
            subject,
            f"predicts the direction of {int(right.sum())} of the {len(right)} candidates rightly "
            f"that clearly {'raise' if weight > 0 else 'lower'} the objective",
        )


@contained
def check_estimator_scale_is_that_of_an_exact_refit(subject: Subject) -> None:
    """Values are as large as the true changes, within a factor of three.

    First-order influence is known to be up to three times too large where items have few events;
    a forgotten ``1 / N`` or damping is off by far more.
    """
    estimator, case = fitted_estimator(subject)
    predicted = estimator.influence(case.candidates)
    ratio = float(np.linalg.norm(predicted) / np.linalg.norm(case.truth))
    promise(
        1 / 3 <= ratio <= 3,
        subject,
        f"predicts changes {ratio:.3g} times as large as an exact refit shows",
    )


def _used(subject: Subject) -> InfluenceEstimator:
    estimator, case = fitted_estimator(subject)
    estimator.influence(case.candidates.take(range(3)))
    estimator.marginal_influence(case.candidates.take(range(3)), _next_items(3))
    return estimator


def _next_items(n: int) -> NDArray[np.int32]:
    return np.arange(n, dtype=np.int32) % N_ITEMS


def _close(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    """Equal up to what an iterative fold-in leaves over."""
    scale = float(np.abs(second).max(initial=0.0))
    return bool(np.allclose(first, second, rtol=5e-3, atol=2e-3 * max(scale, 1e-30)))
