"""What every metric promises (``contracts.Metric``), one function a promise."""

import inspect
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import Defended, Goal, GoalKind, Outcome
from loki_bench.interactions import Sequences
from loki_bench.plugins.specs import MetricSpec, Purpose
from loki_bench.testing.subject import Subject, as_broken_promise, promise
from loki_bench.testing.surroundings import (
    contained,
    different_generators,
    watched_generators,
    watched_process,
)

__all__ = [
    "check_metric_agrees_with_its_reference",
    "check_metric_answers_where_there_is_nothing_to_measure",
    "check_metric_answers_with_a_float_in_its_range",
    "check_metric_ceiling_is_in_its_range",
    "check_metric_gives_one_answer",
    "check_metric_leaves_generators_alone",
    "check_metric_leaves_its_input_alone",
    "check_metric_leaves_out_items_of_the_users_own_history",
    "check_metric_leaves_the_process_alone",
    "check_metric_moves_in_its_direction",
    "check_metric_reads_untargeted_ranks_as_declared",
    "check_metric_takes_infinite_ranks_as_declared",
    "check_metric_takes_k_as_declared",
]

N_ITEMS = 60
K = 10


@contained
def check_metric_takes_k_as_declared(subject: Subject) -> None:
    """It has a parameter ``k`` if its spec says so, and none otherwise."""
    takes = "k" in inspect.signature(subject.build()).parameters
    declared = _spec(subject).takes_k
    promise(
        takes == declared,
        subject,
        f"declares takes_k = {declared}, and its function takes {'a' if takes else 'no'} k",
    )


@contained
def check_metric_answers_with_a_float_in_its_range(subject: Subject) -> None:
    """Over 100 random outcomes each value is a plain float, NaN or inside the declared range.

    No value is infinite: what is undefined is NaN.
    """
    spec = _spec(subject)
    low, high = spec.range
    for seed in range(100):
        value = _value(subject, _random_outcome(seed))
        promise(
            type(value) is float,
            subject,
            f"answered with {type(value).__name__}; expected a plain float",
        )
        promise(
            math.isnan(value) or (math.isfinite(value) and low <= value <= high),
            subject,
            f"answered {value}; expected {spec.expected}, or nan where it is undefined",
        )


@contained
def check_metric_answers_where_there_is_nothing_to_measure(subject: Subject) -> None:
    """No target, no test event, no fake user, or no rank at all: a float (NaN, mostly)."""
    outcome = _random_outcome(0)
    nothing = np.full_like(outcome.target_ranks, np.nan)
    none = np.full_like(outcome.test_ranks, np.nan)
    for case in (
        replace(outcome, poison=Sequences.empty()),
        replace(outcome, untargeted_ranks=None),
        replace(outcome, untargeted_ranks=nothing),
        replace(outcome, target_ranks=nothing, clean_target_ranks=nothing),
        replace(outcome, test_ranks=none, clean_test_ranks=none),
        replace(outcome, test_ranks=none[:0], clean_test_ranks=none[:0]),
        replace(outcome, genuine_lengths=outcome.genuine_lengths[:0]),
    ):
        value = _value(subject, case)
        promise(
            type(value) is float,
            subject,
            f"answered with {type(value).__name__} where there is nothing to measure",
        )


@contained
def check_metric_ceiling_is_in_its_range(subject: Subject) -> None:
    """Its ceiling, where the spec names one, is a float of the range for 1, 5 and 20 targets."""
    spec = _spec(subject)
    for n_targets in (1, 5, 20):
        with as_broken_promise():
            spec.ceiling_of(n_targets=n_targets, k=K if spec.takes_k else None)


@contained
def check_metric_reads_untargeted_ranks_as_declared(subject: Subject) -> None:
    """Its value changes with ``untargeted_ranks`` only if its spec says ``reads_untargeted``."""
    if _spec(subject).reads_untargeted:
        return
    for seed in range(20):
        outcome = _random_outcome(seed)
        with_ranks, without = (
            _value(subject, replace(outcome, untargeted_ranks=ranks))
            for ranks in (outcome.target_ranks[:1].copy(), None)
        )
        promise(
            _same(with_ranks, without),
            subject,
            "reads untargeted_ranks, and its spec does not say reads_untargeted: no suite takes "
            "them for it",
        )


@contained
def check_metric_takes_infinite_ranks_as_declared(subject: Subject) -> None:
    """Where a victim's lists end, ranks are infinite: a finite value in range, or NaN.

    Not of a metric whose spec says ``needs_all_ranks``: no such victim is measured with it.
    """
    spec = _spec(subject)
    if spec.needs_all_ranks:
        return
    low, high = spec.range

    def is_fit(value: float) -> bool:
        return math.isnan(value) or (math.isfinite(value) and low <= value <= high)

    for seed in range(20):
        outcome = _random_outcome(seed)
        value = _value(subject, _of_lists(outcome))
        promise(
            is_fit(value) or not is_fit(_value(subject, outcome)),  # that is another check's
            subject,
            f"answered {value!r} where a victim lists its best items alone, and the ranks of the "
            f"others are infinite; expected NaN or a finite float from {low} to {high}, or a spec "
            "that says needs_all_ranks",
        )


@contained
def check_metric_gives_one_answer(subject: Subject) -> None:
    """The same outcome gives the same value, whatever the process's own generators hold."""
    first, second = different_generators(lambda: _value(subject, _random_outcome(1)))
    promise(_same(first, second), subject, f"answered {first}, then {second} for one outcome")


@contained
def check_metric_leaves_generators_alone(subject: Subject) -> None:
    """No global generator (random, numpy, torch) is drawn from or seeded."""
    watched_generators(lambda: _value(subject, _random_outcome(1)), subject)


@contained
def check_metric_leaves_the_process_alone(subject: Subject) -> None:
    """No file in the working folder; argv, environment and warning filters stay as they were."""
    watched_process(lambda: _value(subject, _random_outcome(1)), subject)


@contained
def check_metric_leaves_its_input_alone(subject: Subject) -> None:
    """The arrays of the outcome are as they were before."""
    for seed in (1, 3):
        outcome = _random_outcome(seed)
        arrays = [
            value
            for part in (outcome, outcome.defended, outcome.goal)
            for value in vars(part).values()
            if isinstance(value, np.ndarray)
        ]
        before = [array.copy() for array in arrays]
        _value(subject, outcome)
        promise(
            all(
                np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
                for a, b in zip(arrays, before, strict=True)
            ),
            subject,
            "changed an array of the outcome",
        )


@contained
def check_metric_moves_in_its_direction(subject: Subject) -> None:
    """What is better for the attacker, or the platform, has the value that the spec says.

    Two extreme outcomes of the metric's purpose are compared; of an attack metric's those of an
    attacker with the goal that its spec speaks of.
    """
    spec = _spec(subject)
    if spec.higher_is == "neither":
        return
    sign = 1.0 if spec.higher_is == "better for the attacker" else -1.0
    pairs = _extremes(spec.purpose, spec.goal)
    moves = [
        sign * (_value(subject, attacker_wins) - _value(subject, attacker_loses))
        for attacker_wins, attacker_loses in pairs
    ]
    promise(
        any(move > 0 for move in moves),
        subject,
        f"declares that higher is {spec.higher_is}, and does not move that way from an outcome in "
        f"which the attacker loses to one in which it wins (changes: {moves})",
    )


@contained
def check_metric_leaves_out_items_of_the_users_own_history(subject: Subject) -> None:
    """A rank that is NaN counts neither for nor against: such users added change nothing."""
    for seed in range(10):
        outcome = _random_outcome(seed)
        before, after = _value(subject, outcome), _value(subject, _with_nothing_ranked(outcome))
        promise(
            _same(before, after),
            subject,
            f"went from {before} to {after} when users were added all of whose ranks are NaN: an "
            "item of a user's own history is never shown, and counts neither way",
        )


@contained
def check_metric_agrees_with_its_reference(subject: Subject) -> None:
    """Over 50 random outcomes its value is that of the independent function given beside it."""
    reference = subject.reference
    assert reference is not None  # noqa: S101  # the check is chosen only where there is one
    for seed in range(50):
        outcome = _random_outcome(seed)
        ours, theirs = _value(subject, outcome), _value(subject, outcome, reference)
        promise(
            _same(ours, theirs),
            subject,
            f"answered {ours} where its reference says {theirs} (random outcome {seed})",
        )


def _spec(subject: Subject) -> MetricSpec:
    assert isinstance(subject.spec, MetricSpec)  # noqa: S101  # checks are chosen by kind
    return subject.spec


def _value(
    subject: Subject, outcome: Outcome, function: Callable[..., float] | None = None
) -> float:
    metric = subject.build() if function is None else function
    value: float = metric(outcome, k=K) if _spec(subject).takes_k else metric(outcome)
    return value


def _same(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-12) or (
        math.isnan(first) and math.isnan(second)
    )


def _random_outcome(seed: int) -> Outcome:
    """Ranks from 1 to 30 in halves, a fifth of them NaN; shapes from one user and one target.

    What need not be known is known in some of them: a defense's doing, weights of users, how often
    genuine users have each item.
    """
    random = np.random.default_rng(seed)
    shape = tuple(int(n) for n in random.integers(1, 6, size=2))

    def ranks(*size: int) -> NDArray[np.float64]:
        drawn = random.integers(2, N_ITEMS, size=size) / 2
        return np.where(random.random(size) < 0.2, np.nan, drawn)

    outcome = _outcome(
        ranks(*shape),
        ranks(*shape),
        ranks(8),
        ranks(8),
        lengths=random.integers(0, 12, size=8),
        poison=[[0] * int(n) for n in random.integers(1, 12, size=3)],
        defended=None
        if seed % 2 == 0
        else _defended(
            random.random(11) < 0.7,
            suspicion=random.random(11),
            undefended=ranks(8),
        ),
    )
    # not known in a third of them, as where no metric says that it reads them
    if seed % 3:
        outcome = replace(outcome, untargeted_ranks=ranks(7, shape[1]))
    if seed % 4 > 1:
        n_events = int(outcome.genuine_lengths.sum())
        counts = np.bincount(random.integers(N_ITEMS, size=n_events), minlength=N_ITEMS)
        outcome = replace(
            outcome,
            genuine_item_counts=counts,
            n_genuine_repeats=int(random.integers(n_events + 1)),
        )
    if outcome.defended is not None and seed % 4 > 1:
        weights = random.random(11) * outcome.defended.kept
        outcome = replace(outcome, defended=replace(outcome.defended, user_weights=weights))
    return outcome


def _of_lists(outcome: Outcome) -> Outcome:
    """The outcome of a victim that lists its ten best items alone."""

    def listed(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(ranks > 10, np.inf, ranks)

    defended, untargeted = outcome.defended, outcome.untargeted_ranks
    return replace(
        outcome,
        target_ranks=listed(outcome.target_ranks),
        clean_target_ranks=listed(outcome.clean_target_ranks),
        test_ranks=listed(outcome.test_ranks),
        clean_test_ranks=listed(outcome.clean_test_ranks),
        untargeted_ranks=None if untargeted is None else listed(untargeted),
        defended=None
        if defended is None
        else replace(defended, undefended_test_ranks=listed(defended.undefended_test_ranks)),
    )


def _with_nothing_ranked(outcome: Outcome) -> Outcome:
    """Five more users, none of whose items has a rank."""
    n_users, n_targets = outcome.target_ranks.shape
    none = np.full((5, n_targets), np.nan)
    defended = outcome.defended
    if defended is not None:
        ranks = np.append(defended.undefended_test_ranks, none[:, 0])
        defended = replace(defended, undefended_test_ranks=ranks)
    untargeted = outcome.untargeted_ranks
    return replace(
        outcome,
        defended=defended,
        untargeted_ranks=None if untargeted is None else np.vstack([untargeted, none]),
        goal=replace(outcome.goal, users=np.arange(n_users + 5, dtype=np.int32)),
        target_ranks=np.vstack([outcome.target_ranks, none]),
        clean_target_ranks=np.vstack([outcome.clean_target_ranks, none]),
        test_ranks=np.append(outcome.test_ranks, none[:, 0]),
        clean_test_ranks=np.append(outcome.clean_test_ranks, none[:, 0]),
    )


def _extremes(purpose: Purpose, goal: GoalKind) -> list[tuple[Outcome, Outcome]]:
    """Pairs of outcomes: one in which the attacker wins, and one in which it loses."""
    first, last = np.full((4, 3), 2.0), np.full((4, 3), 50.0)
    hit, missed = np.full(8, 1.0), np.full(8, 55.0)
    lengths = np.full(8, 6)
    if purpose == "utility":
        return [
            (_outcome(last, last, missed, hit), _outcome(last, last, hit, hit)),
            (_outcome(last, last, missed, missed), _outcome(last, last, hit, missed)),
        ]
    if purpose == "defense cost":
        return [(_undefended(missed, hit), _undefended(hit, hit))]
    if purpose == "detection":
        fooled, awake = np.arange(11) >= 8, np.arange(11) < 8  # three fake users after eight
        return [
            (
                _outcome(first, last, hit, hit, poison=[[0]] * 3, defended=_defended(fooled)),
                _outcome(first, last, hit, hit, poison=[[0]] * 3, defended=_defended(awake)),
            )
        ]
    if purpose == "stealth":
        same, strange = [[0] * 6] * 4, [[0] * 40] * 4
        return [
            (
                _outcome(first, last, hit, hit, lengths=lengths, poison=same),
                _outcome(first, last, hit, hit, lengths=lengths, poison=strange),
            )
        ]
    if goal == "promote":
        return [(_outcome(first, last, hit, hit), _outcome(last, last, hit, hit))]
    return [
        (
            _outcome(last, first, hit, hit, kind="demote"),
            _outcome(first, first, hit, hit, kind="demote"),
        )
    ]


def _outcome(
    targets: NDArray[np.float64],
    clean_targets: NDArray[np.float64],
    tests: NDArray[np.float64],
    clean_tests: NDArray[np.float64],
    *,
    lengths: NDArray[np.int64] | None = None,
    poison: list[list[int]] | None = None,
    kind: GoalKind = "promote",
    defended: Defended | None = None,
) -> Outcome:
    n_users, n_targets = targets.shape
    return Outcome(
        goal=Goal(
            items=np.arange(n_targets, dtype=np.int32),
            users=np.arange(n_users, dtype=np.int32),
            kind=kind,
        ),
        n_items=N_ITEMS,
        target_ranks=targets.copy(),
        clean_target_ranks=clean_targets.copy(),
        test_ranks=tests.copy(),
        clean_test_ranks=clean_tests.copy(),
        genuine_lengths=np.full(8, 6) if lengths is None else lengths.astype(np.int64),
        poison=Sequences.of(poison or [[0, 1, 2]]),
        defended=defended,
    )


def _undefended(tests: NDArray[np.float64], without: NDArray[np.float64]) -> Outcome:
    """A defense in place, ranks of test events with it, and without it."""
    targets = np.full((4, 3), 50.0)
    defended = _defended(np.ones(9, dtype=bool), undefended=without)
    return _outcome(targets, targets, tests, tests, defended=defended)


def _defended(
    kept: NDArray[np.bool_],
    *,
    suspicion: NDArray[np.float64] | None = None,
    undefended: NDArray[np.float64] | None = None,
) -> Defended:
    return Defended(
        kept=kept,
        suspicion=suspicion if suspicion is not None else (~kept).astype(np.float64),
        clean_kept=kept[:8].copy(),
        undefended_test_ranks=np.full(8, 1.0) if undefended is None else undefended,
    )
