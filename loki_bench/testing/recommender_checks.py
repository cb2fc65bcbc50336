"""What every recommender promises (``contracts.Recommender``), one function a promise."""

import pickle

import numpy as np
from numpy.typing import NDArray

from loki_bench.answer_checks import checked_sample_count
from loki_bench.contracts import Recommender
from loki_bench.interactions import Sequences
from loki_bench.plugins.specs import RecommenderSpec
from loki_bench.ranking import masked_ranks
from loki_bench.split import HeldOut
from loki_bench.testing.planted import assorted, cycle, two_groups
from loki_bench.testing.subject import (
    Subject,
    as_broken_promise,
    checks_report,
    described,
    promise,
    raises,
)
from loki_bench.testing.surroundings import (
    contained,
    different_generators,
    watched_generators,
    watched_process,
    writable,
)

__all__ = [
    "check_recommender_answers_alike_in_any_batch",
    "check_recommender_answers_batches_of_none_one_and_seven",
    "check_recommender_counts_the_samples_of_fake_users",
    "check_recommender_fit_returns_itself",
    "check_recommender_fits_sequences_of_any_length",
    "check_recommender_learns_planted_groups",
    "check_recommender_leaves_generators_alone",
    "check_recommender_leaves_its_input_alone",
    "check_recommender_leaves_the_process_alone",
    "check_recommender_lists_as_many_items_as_it_promises",
    "check_recommender_pickles",
    "check_recommender_refit_forgets",
    "check_recommender_refuses_unknown_ids",
    "check_recommender_reports_plain_data",
    "check_recommender_seed_fixes_everything",
    "check_recommender_takes_empty_histories",
    "check_recommender_uses_order_as_declared",
]

SEED = 20


@contained
def check_recommender_fit_returns_itself(subject: Subject) -> None:
    """``fit`` returns the recommender itself, with and without validation events."""
    split = two_groups()
    for validation in (split.validation, None):
        model = subject.build()
        promise(
            model.fit(split.train, validation=validation, seed=SEED) is model,
            subject,
            "returned something else than itself from fit",
        )


@contained
def check_recommender_answers_batches_of_none_one_and_seven(subject: Subject) -> None:
    """Batches of 0, 1 and 7 users get finite float32 scores of shape (batch, n_items).

    Of what answers lists alone, -inf for each item that is not listed.
    """
    model = _fitted(subject)
    for n in (0, 1, 7):
        scores = _score(model, _users(n))
        promise(
            isinstance(scores, np.ndarray)
            and scores.dtype == np.float32
            and scores.shape == (n, two_groups().train.n_items),
            subject,
            f"answered {n} users with {described(scores)}; expected float32 of shape "
            f"({n}, {two_groups().train.n_items})",
        )
        promise(_is_an_answer(subject, scores), subject, f"answered with {_no_answer(subject)}")


@contained
def check_recommender_answers_alike_in_any_batch(subject: Subject) -> None:
    """A user's scores do not depend on who else is in the batch, or where."""
    model = _fitted(subject)
    users = _users(7)
    together = _score(model, users)
    alone = np.concatenate([_score(model, users[row : row + 1]) for row in range(7)])
    backwards = _score(model, users[::-1].copy())[::-1]
    for other, how in ((alone, "alone"), (backwards, "in another order")):
        promise(
            _close(other, together),
            subject,
            f"scores users otherwise when they are asked for {how}",
        )


@contained
def check_recommender_reports_plain_data(subject: Subject) -> None:
    """``fit_report`` after a fit is a mapping of names to finite numbers and other plain data."""
    split = two_groups()
    for validation in (split.validation, None):
        model = subject.build()
        model.fit(split.train, validation=validation, seed=SEED)
        checks_report(subject, model.fit_report)


@contained
def check_recommender_seed_fixes_everything(subject: Subject) -> None:
    """The same data and seed give the same bits, whatever the process's own generators hold."""
    first, second = different_generators(lambda: _score(_fitted(subject), _users(7)))
    promise(
        first.tobytes() == second.tobytes(),
        subject,
        "gave two answers for one seed: take all randomness from the seed given to fit",
    )


@contained
def check_recommender_leaves_generators_alone(subject: Subject) -> None:
    """No global generator (random, numpy, torch) is drawn from or seeded."""
    watched_generators(lambda: _score(_fitted(subject), _users(3)), subject)


@contained
def check_recommender_leaves_the_process_alone(subject: Subject) -> None:
    """No file in the working folder; argv, environment and warning filters stay as they were."""
    watched_process(lambda: _score(_fitted(subject), _users(3)), subject)


@contained
def check_recommender_leaves_its_input_alone(subject: Subject) -> None:
    """Training data, validation events, users and histories are as they were before."""
    split = two_groups()
    train = writable(split.train)
    held_out = HeldOut(
        users=split.validation.users.copy(),
        histories=split.validation.histories,
        items=split.validation.items.copy(),
    )
    users = _users(7)
    histories = writable(split.train.with_sequences(split.train.take(users)))
    given = (train.items, train.offsets, held_out.users, held_out.items)
    arrays: list[NDArray[np.integer]] = [*given, users, histories.items, histories.offsets]
    before = [array.copy() for array in arrays]
    model = subject.build()
    model.fit(train, validation=held_out, seed=SEED)
    model.score_next(users, histories)
    promise(
        all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True)),
        subject,
        "changed an array that it was given",
    )


@contained
def check_recommender_refit_forgets(subject: Subject) -> None:
    """A second ``fit`` on one object gives what it gives on a new one."""
    split = two_groups()
    used = subject.build()
    used.fit(cycle().train, validation=None, seed=1)
    used.fit(split.train, validation=split.validation, seed=SEED)
    promise(
        np.array_equal(_score(used, _users(7)), _score(_fitted(subject), _users(7))),
        subject,
        "remembers an earlier fit",
    )


@contained
def check_recommender_fits_sequences_of_any_length(subject: Subject) -> None:
    """Users without events, with one event and with repeated items can be trained on."""
    data = assorted()
    model = subject.build()
    model.fit(data, validation=None, seed=SEED)
    users = np.flatnonzero(data.lengths).astype(np.int32)
    scores = model.score_next(users, data.take(users))
    promise(
        scores.shape == (len(users), data.n_items) and _is_an_answer(subject, scores),
        subject,
        "has no finite scores where some users have no event, one event or repeated items",
    )


@contained
def check_recommender_takes_empty_histories(subject: Subject) -> None:
    """A user with an empty history gets finite scores, the others of the batch their own."""
    model = _fitted(subject)
    users = _users(3)
    rows = [list(row) for row in two_groups().train.take(users)]
    mixed = model.score_next(users, Sequences.of([rows[0], [], rows[2]]))
    promise(_is_an_answer(subject, mixed), subject, "answers an empty history with NaN")
    promise(
        _close(mixed[[0, 2]], _score(model, users)[[0, 2]]),
        subject,
        "scores users otherwise when another one of the batch has an empty history",
    )


@contained
def check_recommender_refuses_unknown_ids(subject: Subject) -> None:
    """A user or item that ``fit`` did not see raises an error, and so does user -1."""
    split = two_groups()
    model = _fitted(subject)
    n_users, n_items = split.train.n_users, split.train.n_items
    for user, item, what in (
        (n_users, 0, f"user {n_users}"),
        (-1, 0, "user -1"),
        (0, n_items, f"item {n_items}"),
    ):
        promise(
            _raises(model, user, item),
            subject,
            f"answered for {what}, which fit did not see; raise an error",
        )


@contained
def check_recommender_lists_as_many_items_as_it_promises(subject: Subject) -> None:
    """``answers = "top-k"``: at least ``list_length`` items outside of the history, without ties.

    Passed by a recommender that scores every item.
    """
    spec = subject.spec
    assert isinstance(spec, RecommenderSpec)  # noqa: S101  # checks are chosen by kind
    if spec.answers == "scores":
        return
    defaults = {name: one.default for name, one in spec.parameters().items()}
    length = spec.list_length_with({**defaults, **subject.parameters})
    histories = two_groups().train.take(_users(7))
    scores = _score(_fitted(subject), _users(7))
    for row, history in zip(scores, histories, strict=True):
        unseen = np.delete(row, history)
        listed = unseen[unseen > -np.inf]
        wanted = min(length or 0, len(unseen))
        promise(
            len(listed) >= wanted,
            subject,
            f"lists {len(listed)} items outside of a user's history, and {spec.list_length} says "
            f"{wanted}: a metric would take an item for one that is not shown",
        )
        promise(
            len(np.unique(listed)) == len(listed),
            subject,
            "gives two items of one list the same score: a list has an order",
        )


@contained
def check_recommender_pickles(subject: Subject) -> None:
    """A fitted recommender pickles, and its copy gives the same scores."""
    model = _fitted(subject)
    try:
        copy = pickle.loads(pickle.dumps(model))
    except Exception as error:
        promise(False, subject, f"can't be pickled once it is fitted: {error}")
    promise(
        np.array_equal(_score(copy, _users(7)), _score(model, _users(7))),
        subject,
        "scores otherwise once it has been pickled",
    )


@contained
def check_recommender_learns_planted_groups(subject: Subject) -> None:
    """Of two groups of users and items, each user's unseen items of its group rank first."""
    split = two_groups()
    model = _fitted(subject)
    users = np.arange(split.train.n_users, dtype=np.int32)
    scores = model.score_next(users, split.train)
    right = []
    for user, row in enumerate(split.train):
        unseen = np.setdiff1d(np.arange(split.train.n_items), row)
        own, others = unseen[unseen % 2 == user % 2], unseen[unseen % 2 != user % 2]
        above = scores[user, own][:, None] > scores[user, others][None, :]
        right.append(above.mean())
    promise(
        float(np.mean(right)) > 0.8,
        subject,
        f"ranked {np.mean(right):.0%} of pairs rightly, where even users see even items and odd "
        "users odd items (chance is 50 %, expected more than 80 %); train it longer",
    )


@contained
def check_recommender_uses_order_as_declared(subject: Subject) -> None:
    """``uses_order``: true, it continues a walk; false, shuffling a history changes nothing."""
    spec = subject.spec
    assert isinstance(spec, RecommenderSpec)  # noqa: S101  # checks are chosen by kind
    split = cycle()
    model = subject.build()
    model.fit(split.train, validation=split.validation, seed=SEED)
    test = split.test
    scores = model.score_next(test.users, test.histories)
    if not spec.uses_order:
        turned = Sequences.of([row[::-1] for row in test.histories])
        promise(
            _close(model.score_next(test.users, turned), scores),
            subject,
            "declares uses_order = False, and scores otherwise when a history is reversed",
        )
        return
    before = np.array([(row[0] - 1) % 12 for row in test.histories], dtype=np.int32)
    ranks = masked_ranks(scores, test.histories, np.stack([test.items, before], axis=1))
    fresh = ~np.isnan(ranks).any(axis=1) & (test.items != before)
    share = float(np.mean(ranks[fresh, 0] < ranks[fresh, 1]))
    promise(
        share > 0.75,
        subject,
        f"declares uses_order = True, and on a walk round a cycle ranks the next item above the "
        f"one before the start for {share:.0%} of users (without order: half of them)",
    )


@contained
def check_recommender_counts_the_samples_of_fake_users(subject: Subject) -> None:
    """``n_training_samples`` grows when users are added, or is None: proof that poison arrives."""
    split = two_groups()
    fakes = Sequences.of([[0, 2, 4, 6], [1, 3, 5, 7]])
    counts = []
    for train in (split.train, split.train.with_users(fakes)):
        model = subject.build()
        model.fit(train, validation=None, seed=SEED)
        counts.append(model.n_training_samples)
    clean, n = counts
    if clean is None and n is None:
        return
    for count in counts:
        with as_broken_promise():
            checked_sample_count(count, name=subject.name)
    promise(
        clean is not None and n is not None and n > clean,
        subject,
        f"counts {clean} training samples without and {n} with two more users of four events",
    )


def _fitted(subject: Subject) -> Recommender:
    split = two_groups()
    model = subject.build()
    model.fit(split.train, validation=split.validation, seed=SEED)
    assert isinstance(model, Recommender)  # noqa: S101  # check_plugin_targets_resolve says it
    return model


def _users(n: int) -> NDArray[np.int32]:
    """The last n of the users, so that ids and rows of a batch differ."""
    n_users = two_groups().train.n_users
    return np.arange(n_users - n, n_users, dtype=np.int32)


def _score(model: Recommender, users: NDArray[np.int32]) -> NDArray[np.float32]:
    return model.score_next(users, two_groups().train.take(users))


def _is_an_answer(subject: Subject, scores: NDArray[np.float32]) -> bool:
    """Finite scores; where it answers lists alone, below infinity."""
    spec = subject.spec
    if isinstance(spec, RecommenderSpec) and spec.answers == "top-k":
        return bool((scores < np.inf).all())  # False for NaN
    return bool(np.isfinite(scores).all())


def _no_answer(subject: Subject) -> str:
    if isinstance(subject.spec, RecommenderSpec) and subject.spec.answers == "top-k":
        return "NaN or positive infinity"
    return "NaN or infinity; a recommender that lists the best items alone declares answers='top-k'"


def _close(first: NDArray[np.float32], second: NDArray[np.float32]) -> bool:
    """Equal up to the rounding of a product that is summed in another order."""
    listed = np.isfinite(second)
    scale = float(np.abs(second[listed]).max(initial=0.0))
    return bool(np.allclose(first, second, rtol=1e-4, atol=1e-5 * max(scale, 1e-30)))


def _raises(model: Recommender, user: int, item: int) -> bool:
    users = np.array([user], dtype=np.int32)
    return raises(lambda: model.score_next(users, Sequences.of([[0, item]])))
