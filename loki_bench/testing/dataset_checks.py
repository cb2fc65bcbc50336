"""What every dataset promises (``contracts.DatasetLoader``), one function a promise."""

import tempfile
import unittest
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from loki_bench.errors import DatasetError
from loki_bench.event_log import EventLog
from loki_bench.interactions import Interactions
from loki_bench.plugins.specs import DatasetSpec
from loki_bench.split import leave_one_out
from loki_bench.testing.subject import Subject, described, promise
from loki_bench.testing.surroundings import (
    contained,
    no_network,
    watched_generators,
    watched_process,
)

__all__ = [
    "check_dataset_has_users_to_test",
    "check_dataset_leaves_generators_alone",
    "check_dataset_leaves_the_process_alone",
    "check_dataset_loads_interactions",
    "check_dataset_loads_the_same_twice",
    "check_dataset_names_its_licence_and_homepage",
    "check_dataset_reads_what_it_loads",
    "check_dataset_says_what_is_missing",
    "check_dataset_stays_off_the_network",
    "check_dataset_tokens_are_its_own",
]


@contained
def check_dataset_loads_interactions(subject: Subject) -> None:
    """``load`` gives ``Interactions`` with at least one user and one event."""
    data = _load(subject)
    promise(
        isinstance(data, Interactions) and data.n_users > 0 and data.n_events > 0,
        subject,
        f"loaded {type(data).__name__} with {getattr(data, 'n_events', 'no')} events; expected "
        "Interactions with at least one",
    )


@contained
def check_dataset_reads_what_it_loads(subject: Subject) -> None:
    """``read``, which the host calls, gives an ``EventLog`` of what ``load`` gives, with a time and
    a part for each event where it has any."""
    loaded = _load(subject)
    with _at_hand(subject) as folder:
        log = subject.build().read(folder, download=False)
    promise(
        isinstance(log, EventLog) and isinstance(log.interactions, Interactions),
        subject,
        f"read {type(log).__name__}; expected an EventLog, such as EventLog.of(interactions)",
    )
    promise(
        log.interactions.fingerprint() == loaded.fingerprint(),
        subject,
        "reads other interactions than it loads",
    )
    of_events = {
        "times": None if log.times is None else log.times.values,
        "parts": log.parts,
    }
    for what, values in of_events.items():
        promise(
            values is None
            or (isinstance(values, np.ndarray) and values.shape == (loaded.n_events,)),
            subject,
            f"read {what} that are {described(values)}; expected an array of shape "
            f"({loaded.n_events},), one for each event, or None",
        )


@contained
def check_dataset_has_users_to_test(subject: Subject) -> None:
    """At least one user has three events: without them there is nothing to validate or test."""
    n = len(leave_one_out(_load(subject)).test)
    promise(n > 0, subject, "has no user with three events, so no event to test on")


@contained
def check_dataset_loads_the_same_twice(subject: Subject) -> None:
    """Two loads have one fingerprint."""
    promise(
        _load(subject).fingerprint() == _load(subject).fingerprint(),
        subject,
        "loaded other interactions the second time",
    )


@contained
def check_dataset_tokens_are_its_own(subject: Subject) -> None:
    """Users' and items' tokens, where there are any, are all there and all different."""
    data = _load(subject)
    for tokens, n, what in (
        (data.user_tokens, data.n_users, "users"),
        (data.item_tokens, data.n_items, "items"),
    ):
        promise(
            not tokens or len(tokens) == n == len(set(tokens)),
            subject,
            f"names its {n} {what} with {len(tokens)} tokens, {len(set(tokens))} of them different",
        )


@contained
def check_dataset_stays_off_the_network(subject: Subject) -> None:
    """With ``download=False`` no connection is tried, neither with the file nor without it."""
    with no_network() as tried, _empty_folder() as folder:
        for place in (folder, subject.folder or folder):
            with suppress(Exception):  # another check says what it may raise
                subject.build().load(place, download=False)
    promise(not tried, subject, f"tried to reach {tried[:1]} although download is False")


@contained
def check_dataset_says_what_is_missing(subject: Subject) -> None:
    """In an empty folder, without the network, it loads or raises ``DatasetError``."""
    with no_network(), _empty_folder() as folder:
        try:
            subject.build().load(folder, download=False)
        except DatasetError:
            pass
        except Exception as error:
            promise(
                False,
                subject,
                f"raised {type(error).__name__} where its file is missing; expected DatasetError "
                "with one sentence: which file, and where to put it",
            )


@contained
def check_dataset_leaves_generators_alone(subject: Subject) -> None:
    """No global generator (random, numpy, torch) is drawn from or seeded."""
    watched_generators(lambda: _load(subject), subject)


@contained
def check_dataset_leaves_the_process_alone(subject: Subject) -> None:
    """No file in the working folder; argv, environment and warning filters stay as they were."""
    watched_process(lambda: _load(subject), subject)


@contained
def check_dataset_names_its_licence_and_homepage(subject: Subject) -> None:
    """The spec says under which terms the data may be used, and where it comes from."""
    spec = subject.spec
    assert isinstance(spec, DatasetSpec)  # noqa: S101  # checks are chosen by kind
    promise(
        bool(spec.licence and spec.homepage),
        subject,
        "must state its licence and homepage in its DatasetSpec",
    )


def _load(subject: Subject) -> Interactions:
    with _at_hand(subject) as folder:
        data: Interactions = subject.build().load(folder, download=False)
    return data


@contextmanager
def _at_hand(subject: Subject) -> Iterator[Path]:
    """The data folder, without the network; a file that it lacks skips the check."""
    with no_network(), _empty_folder() as empty:
        try:
            yield (subject.folder or empty).absolute()
        except DatasetError as error:
            if subject.folder is None:
                raise
            raise unittest.SkipTest(str(error)) from error


@contextmanager
def _empty_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
