"""What every defense promises (``contracts.Defense``), one function a promise."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import Defense
from loki_bench.interactions import Interactions
from loki_bench.testing.planted import assorted, attacked_crowd, crowd
from loki_bench.testing.subject import Subject, checks_report, described, promise
from loki_bench.testing.surroundings import (
    contained,
    different_generators,
    watched_generators,
    watched_process,
    writable,
)

__all__ = [
    "check_defense_answers_crowds_of_none_one_and_seven",
    "check_defense_forgets_the_last_data",
    "check_defense_judges_users_wherever_they_stand",
    "check_defense_keeps_clean_users",
    "check_defense_leaves_generators_alone",
    "check_defense_leaves_its_input_alone",
    "check_defense_leaves_the_process_alone",
    "check_defense_rates_every_user_or_none",
    "check_defense_reports_plain_data",
    "check_defense_seed_fixes_everything",
    "check_defense_takes_sequences_of_any_length",
]

SEED = 20


@contained
def check_defense_answers_crowds_of_none_one_and_seven(subject: Subject) -> None:
    """0, 1 and 7 users get a bool mask of shape (n_users,)."""
    for n in (0, 1, 7):
        _keep(subject, crowd().with_sequences(crowd().take(range(n))))


@contained
def check_defense_seed_fixes_everything(subject: Subject) -> None:
    """The same data and seed give the same mask, whatever the process's own generators hold."""
    first, second = different_generators(lambda: _keep(subject, attacked_crowd()))
    promise(
        np.array_equal(first, second),
        subject,
        "kept other users for the same seed: take all randomness from the seed given to keep",
    )


@contained
def check_defense_leaves_generators_alone(subject: Subject) -> None:
    """No global generator (random, numpy, torch) is drawn from or seeded."""
    watched_generators(lambda: _keep(subject, attacked_crowd()), subject)


@contained
def check_defense_leaves_the_process_alone(subject: Subject) -> None:
    """No file in the working folder; argv, environment and warning filters stay as they were."""
    watched_process(lambda: _keep(subject, attacked_crowd()), subject)


@contained
def check_defense_leaves_its_input_alone(subject: Subject) -> None:
    """The training data are as they were before."""
    train = writable(attacked_crowd())
    before = train.fingerprint()
    _keep(subject, train)
    promise(train.fingerprint() == before, subject, "changed its training data")


@contained
def check_defense_forgets_the_last_data(subject: Subject) -> None:
    """One object asked twice answers the second time as a new one does."""
    used = subject.build()
    _keep(subject, crowd().with_sequences(crowd().take(range(40, 80))), used)
    promise(
        np.array_equal(_keep(subject, attacked_crowd(), used), _keep(subject, attacked_crowd())),
        subject,
        "remembers earlier data: keep nothing between two calls that changes the second answer",
    )


@contained
def check_defense_keeps_clean_users(subject: Subject) -> None:
    """Of 150 genuine users without a fake one among them, at least nine in ten are kept."""
    share = float(_keep(subject, crowd()).mean())
    promise(
        share >= 0.9,
        subject,
        f"kept {share:.0%} of the users of clean data; expected at least 90 %",
    )


@contained
def check_defense_judges_users_wherever_they_stand(subject: Subject) -> None:
    """The same users in reverse order are judged alike: a place in the data says nothing."""
    train = attacked_crowd()
    order = np.arange(train.n_users)[::-1]
    kept = _keep(subject, train)
    turned = _keep(subject, train.with_sequences(train.take(order)))[order]
    alike = float((kept == turned).mean())
    promise(
        alike >= 0.98,
        subject,
        f"judges {1 - alike:.0%} of the users otherwise when their order is reversed",
    )


@contained
def check_defense_takes_sequences_of_any_length(subject: Subject) -> None:
    """Users without events, with one event and with repeated items can be judged."""
    _keep(subject, assorted())


@contained
def check_defense_rates_every_user_or_none(subject: Subject) -> None:
    """``suspicion`` after ``keep`` is None, or finite float64 of shape (n_users,)."""
    for train in (attacked_crowd(), crowd().with_sequences(crowd().take([3]))):
        defense: Defense = subject.build()
        defense.keep(train, seed=SEED)
        found = defense.suspicion
        promise(
            found is None
            or (
                isinstance(found, np.ndarray)
                and found.dtype == np.float64
                and found.shape == (train.n_users,)
                and bool(np.isfinite(found).all())
            ),
            subject,
            f"rates {train.n_users} users with {described(found)}; expected None or finite float64 "
            f"of shape ({train.n_users},)",
        )


@contained
def check_defense_reports_plain_data(subject: Subject) -> None:
    """``report`` is a mapping of names to finite numbers and other plain data."""
    for train in (attacked_crowd(), crowd().with_sequences(crowd().take([3]))):
        defense: Defense = subject.build()
        defense.keep(train, seed=SEED)
        checks_report(subject, defense.report)


def _keep(
    subject: Subject, train: Interactions, defense: Defense | None = None
) -> NDArray[np.bool_]:
    used: Defense = subject.build() if defense is None else defense
    mask = used.keep(train, seed=SEED)
    promise(
        isinstance(mask, np.ndarray) and mask.dtype == np.bool_ and mask.shape == (train.n_users,),
        subject,
        f"answered {train.n_users} users with {described(mask)}; expected bool of shape "
        f"({train.n_users},)",
    )
    return mask.copy()
