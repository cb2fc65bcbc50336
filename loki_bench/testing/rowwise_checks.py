"""What a recommender that trains some rows alone promises (``contracts.RowwiseRecommender``).

A parameter with an axis as long as there are users, or items, is taken for rows of users, or of
items, along that axis: the data have 83 and 19 of them, which no network is likely to have.
"""

import copy
import unittest

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import RowwiseRecommender
from loki_bench.errors import ParameterError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.testing.planted import interactions_of, two_groups
from loki_bench.testing.subject import Subject, promise
from loki_bench.testing.surroundings import contained, different_generators

__all__ = [
    "check_rowwise_recommender_gives_one_answer",
    "check_rowwise_recommender_learns_of_further_users",
    "check_rowwise_recommender_moves_what_it_is_asked_for",
    "check_rowwise_recommender_refuses_what_its_fit_did_not_know",
]

SEED = 20
SMALL = 0.5
N_USERS, N_ITEMS = 83, 19
USERS, ITEMS = (4, 9), (2, 5, 7)
FURTHER = ((2, 5, 2, 7), (5, 2, 7, 5))
OTHERS = ((2, 11, 2, 13), (14, 2, 0, 12))

Ids = tuple[int, ...]
Tables = list[NDArray[np.floating]]


@contained
def check_rowwise_recommender_moves_what_it_is_asked_for(subject: Subject) -> None:
    """The rows of the users and items that it is given move, no other user's row, nothing that is
    no row; other items take small steps. Where it is given none, nothing moves."""
    train = _known()
    model = _fitted(subject)
    before, scores = _tables(model), _scores(model)
    _train_rows(subject, copy_of := copy.deepcopy(model), train, users=(), items=())
    promise(
        _scores(copy_of).tobytes() == scores.tobytes(),
        subject,
        "scores otherwise after fit_rows on the data of its fit with no user and no item to move",
    )
    more = train.with_users(Sequences.of(FURTHER))
    _train_rows(subject, model, more)
    # how far other items' rows are from the old ones where all rows are trained from scratch
    anew = _tables(subject.build().fit(more, validation=None, seed=SEED + 1))
    asked, others, others_anew, moved_users = 0.0, 0.0, 0.0, []
    tables = zip(before, _tables(model), anew, strict=True)
    for number, (old, new, from_scratch) in enumerate(tables):
        of_users, of_items = _axis(old, N_USERS), _axis(old, N_ITEMS)
        if of_users is not None:
            steps = _steps(old, new, of_users)
            moved_users.append(steps[list(USERS)])
            promise(
                not np.delete(steps, USERS).any(),
                subject,
                f"moved rows of users in parameter {number} that it was not asked to train",
            )
        elif of_items is not None:
            steps = _steps(old, new, of_items)
            asked += float(steps[list(ITEMS)].mean())
            others += float(np.delete(steps, ITEMS).mean())
            others_anew += float(np.delete(_steps(old, from_scratch, of_items), ITEMS).mean())
        else:
            promise(
                np.array_equal(old, new),
                subject,
                f"changed parameter {number}, of shape {old.shape}, which is no row of a user or "
                "an item",
            )
    promise(
        all(steps.all() for steps in moved_users),
        subject,
        "left the row of a user as it was that it was asked to train from scratch",
    )
    promise(
        asked > 0, subject, "left the rows of the items as they were that it was asked to train"
    )
    promise(
        others < SMALL * others_anew,
        subject,
        f"moved the rows of items that it was not asked to train by {others:.3g} on average, which "
        f"are no small steps: a fit from scratch moves them by {others_anew:.3g}",
    )


@contained
def check_rowwise_recommender_gives_one_answer(subject: Subject) -> None:
    """Copies of one fit give the same bits, and the fit itself is as it was."""
    model = _fitted(subject)
    before = _scores(model)
    train = _known().with_users(Sequences.of(FURTHER))

    def trained() -> bytes:
        copied = copy.deepcopy(model)
        promise(
            _train_rows(subject, copied, train) is copied,
            subject,
            "answered fit_rows with something other than itself",
        )
        return _scores(copied).tobytes()

    first, again = different_generators(trained)
    promise(
        first == again,
        subject,
        "scores otherwise when a copy of the same fit is given the same rows to train: take all "
        "randomness from the seed",
    )
    promise(
        _scores(model).tobytes() == before.tobytes(),
        subject,
        "scores otherwise after rows of its deep copy were trained: the copy shares its memory",
    )


@contained
def check_rowwise_recommender_learns_of_further_users(subject: Subject) -> None:
    """Users who came after the fit are scored, counted, and learnt from."""
    fitted = _fitted(subject)
    models = []
    for further in (FURTHER, OTHERS):
        models.append(copy.deepcopy(fitted))
        _train_rows(subject, models[-1], _known().with_users(Sequences.of(further)))
    scores = models[0].score_next(np.array([N_USERS], np.int32), Sequences.of(FURTHER[:1]))
    promise(
        scores.shape == (1, N_ITEMS) and bool(np.isfinite(scores).all()),
        subject,
        "gives a user who came with fit_rows no finite score for each item",
    )
    before, after = fitted.n_training_samples, models[0].n_training_samples
    promise(
        before is None or (after is not None and after > before),
        subject,
        f"counts {after} training samples after fit_rows with further users, and {before} after "
        "the fit without them",
    )
    one, other = (_scores(model) for model in models)
    promise(
        one.tobytes() != other.tobytes(),
        subject,
        "scores a user of its fit alike whichever items the further users hold",
    )
    for number, (first, second) in enumerate(zip(*map(_tables, models), strict=True)):
        axis = _axis(first, N_USERS + len(FURTHER))
        promise(
            axis is None or bool(_steps(first, second, axis)[N_USERS:].all()),
            subject,
            f"gives a further user the same row in parameter {number} whichever items that user "
            "holds: further users' rows are always trained",
        )


@contained
def check_rowwise_recommender_refuses_what_its_fit_did_not_know(subject: Subject) -> None:
    """Another catalogue, fewer users and unknown ids raise ``ParameterError``, and the fit is then
    as it was."""
    train = _known()
    model = _fitted(subject)
    _train_rows(subject, copy.deepcopy(model), train)
    before = _scores(model).tobytes()
    fewer = train.with_sequences(train.take(range(N_USERS - 1)))
    wider = interactions_of([row.tolist() for row in train], n_items=N_ITEMS + 1)
    refused: tuple[tuple[str, Interactions, Ids, Ids], ...] = (
        ("one item more in the catalogue", wider, USERS, ITEMS),
        ("one user less than the fit had", fewer, USERS, ITEMS),
        ("an unknown user to train", train, (N_USERS,), ITEMS),
        ("an unknown item to train", train, USERS, (N_ITEMS,)),
        ("an item below 0 to train", train, USERS, (-1,)),
    )
    for what, data, users, items in refused:
        try:
            _ask(model, data, users, items)
        except ParameterError:
            pass
        else:
            promise(False, subject, f"took {what} in fit_rows; expected a ParameterError")
        promise(
            _scores(model).tobytes() == before,
            subject,
            f"scores otherwise after it refused {what}: check before anything is changed",
        )


def _known() -> Interactions:
    """The two groups with three more users; three items nobody has."""
    rows = [row.tolist() for row in two_groups().train]
    return interactions_of([*rows, [0, 2, 4], [1, 3, 5], [6, 8]], n_items=N_ITEMS)


def _fitted(subject: Subject) -> RowwiseRecommender:
    model: RowwiseRecommender = subject.build()
    model.fit(_known(), validation=None, seed=SEED)
    return model


def _train_rows(
    subject: Subject,
    model: RowwiseRecommender,
    train: Interactions,
    *,
    users: Ids = USERS,
    items: Ids = ITEMS,
) -> RowwiseRecommender:
    """Train rows; a trainer that can't is allowed to say so, and the check can't be run."""
    try:
        return _ask(model, train, users, items)
    except ParameterError as error:
        raise unittest.SkipTest(f"{subject} trains no rows alone: {error}") from error


def _ask(
    model: RowwiseRecommender, train: Interactions, users: Ids, items: Ids
) -> RowwiseRecommender:
    return model.fit_rows(
        train,
        users=np.array(users, dtype=np.int32),
        items=np.array(items, dtype=np.int32),
        seed=SEED + 1,
    )


def _tables(model: RowwiseRecommender) -> Tables:
    return [parameter.detach().numpy().copy() for parameter in model.parameters()]


def _axis(table: NDArray[np.floating], length: int) -> int | None:
    """The axis that is so long; None without one."""
    return table.shape.index(length) if length in table.shape else None


def _steps(old: NDArray[np.floating], new: NDArray[np.floating], axis: int) -> NDArray[np.floating]:
    """How far each row has moved; only rows that both have."""
    before = np.moveaxis(old, axis, 0)
    after = np.moveaxis(new, axis, 0)[: len(before)]
    steps: NDArray[np.floating] = np.sqrt(
        np.square(after - before).reshape(len(before), -1).sum(axis=1)
    )
    return steps


def _scores(model: RowwiseRecommender) -> NDArray[np.float32]:
    users = np.arange(7, dtype=np.int32)
    return model.score_next(users, _known().take(users))
