"""What a recommender promises that lets influence estimators look into it (Eq. 2-3)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import DifferentiableRecommender
from loki_bench.interactions import Sequences
from loki_bench.testing.planted import two_groups
from loki_bench.testing.subject import Subject, promise
from loki_bench.testing.surroundings import contained

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "check_differentiable_l2_fits_the_parameters",
    "check_differentiable_linearised_losses_are_those_of_sample_loss",
    "check_differentiable_loss_has_a_true_gradient",
    "check_differentiable_loss_has_a_value_for_each_sample",
    "check_differentiable_parameters_are_the_models_own",
    "check_differentiable_samples_come_from_the_data",
    "check_differentiable_score_has_a_true_gradient",
    "check_differentiable_scoring_first_leaves_the_gradients",
    "check_differentiable_target_score_ranks_as_score_next",
]

SEED = 20


@contained
def check_differentiable_parameters_are_the_models_own(subject: Subject) -> None:
    """``parameters()`` are finite tensors with gradients on; changing them changes the scores."""
    import torch

    model, split = _fitted(subject), two_groups()
    found = model.parameters()
    promise(
        len(found) > 0
        and all(isinstance(p, torch.Tensor) and p.requires_grad and p.is_leaf for p in found)
        and all(bool(torch.isfinite(p).all()) for p in found),
        subject,
        "must list its trained tensors in parameters(): finite leaf tensors that require gradients",
    )
    users = np.arange(5, dtype=np.int32)
    before = model.score_next(users, split.train.take(users)).copy()
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(-2.0)
    after = model.score_next(users, split.train.take(users))
    promise(
        not np.allclose(before, after),
        subject,
        "lists copies in parameters(): changing them in place does not change score_next",
    )


@contained
def check_differentiable_samples_come_from_the_data(subject: Subject) -> None:
    """Training samples: positives are the user's own, ids are in range, a seed gives one answer."""
    model, train = _fitted(subject), two_groups().train
    samples = model.training_samples(train, seed=3)
    again = model.training_samples(train, seed=3)
    n = len(samples)
    arrays = (samples.users, samples.last_items, samples.positives, samples.negatives)
    promise(
        n > 0 and all(a.shape == (n,) and np.issubdtype(a.dtype, np.integer) for a in arrays),
        subject,
        "must form samples as integer arrays of one length",
    )
    promise(
        all(
            int(positive) in train[int(user)]
            for user, positive in zip(samples.users, samples.positives, strict=True)
        ),
        subject,
        "formed a sample whose positive item is not among its user's events",
    )
    promise(
        bool((samples.negatives >= 0).all() and (samples.negatives < train.n_items).all())
        and bool((samples.last_items >= -1).all() and (samples.last_items < train.n_items).all()),
        subject,
        "formed a sample with an item outside the catalogue",
    )
    same = (again.users, again.last_items, again.positives, again.negatives)
    promise(
        all(np.array_equal(a, b) for a, b in zip(arrays, same, strict=True)),
        subject,
        "forms other samples from the same data and seed",
    )
    more = train.with_users(Sequences.of([[1, 2, 3]]))
    promise(
        int(model.training_samples(more, seed=3).users.max()) == train.n_users,
        subject,
        "forms no sample of a user that fit did not see",
    )


@contained
def check_differentiable_loss_has_a_value_for_each_sample(subject: Subject) -> None:
    """``sample_loss`` of 0, 1 and 7 samples has shape (n,), and no sample changes another's."""
    model = _fitted(subject)
    samples = model.training_samples(two_groups().train, seed=SEED)
    seven = model.sample_loss(samples.take(np.arange(len(samples))[:7])).detach().numpy()
    for n in (0, 1, 7):
        loss = model.sample_loss(samples.take(np.arange(len(samples))[:n]))
        promise(
            tuple(loss.shape) == (n,),
            subject,
            f"gave a loss of shape {tuple(loss.shape)} for {n} samples; expected ({n},)",
        )
        promise(
            bool(np.allclose(loss.detach().numpy(), seven[:n], rtol=1e-4, atol=1e-5)),
            subject,
            "gives a sample another loss when other samples are beside it",
        )


@contained
def check_differentiable_loss_has_a_true_gradient(subject: Subject) -> None:
    """The gradient of the summed loss is its slope, by central differences."""
    model = _fitted(subject)
    samples = model.training_samples(two_groups().train, seed=SEED)
    _check_slope(subject, model, lambda: model.sample_loss(samples).mean(), "sample_loss")


@contained
def check_differentiable_linearised_losses_are_those_of_sample_loss(subject: Subject) -> None:
    """``linearised_losses``, where it is not None: values and products agree with torch's."""
    import torch

    model = _fitted(subject)
    samples = model.training_samples(two_groups().train, seed=SEED)
    truth = model.sample_loss(samples)
    generator = torch.Generator().manual_seed(SEED)
    parameters = model.parameters()
    direction = [torch.randn(p.shape, generator=generator).to(p) for p in parameters]
    cotangent = torch.randn(truth.shape, generator=generator).to(truth)
    gradients = _gradients(model, cotangent * truth) if truth.requires_grad else []

    def close(a: "Tensor", b: "Tensor") -> bool:
        return a.shape == b.shape and bool(torch.allclose(a, b, rtol=1e-3, atol=1e-4))

    def along(gradient: "list[Tensor]") -> float:
        return sum(float((g * v).sum()) for g, v in zip(gradient, direction, strict=True))

    for keep in (False, True):
        losses = model.linearised_losses(samples, keep=keep)
        if losses is None:
            continue
        what = f"answers linearised_losses(keep={keep}) whose"
        promise(close(losses.values, truth.detach()), subject, f"{what} values are no sample_loss")
        for _ in range(2):
            found = losses.vjp(cotangent)
            promise(
                len(found) == len(gradients)
                and all(close(a, b) for a, b in zip(found, gradients, strict=True)),
                subject,
                f"{what} vjp is not the gradient of sample_loss",
            )
            moved = float((cotangent * losses.jvp(direction)).sum())
            promise(
                bool(np.isclose(moved, along(gradients), rtol=1e-3, atol=1e-3)),
                subject,
                f"{what} jvp is not the derivative of sample_loss along a direction",
            )


@contained
def check_differentiable_score_has_a_true_gradient(subject: Subject) -> None:
    """The gradient of ``target_score`` is its slope, by central differences."""
    model = _fitted(subject)
    users, histories, items = _triples()
    _check_slope(
        subject,
        model,
        lambda: model.target_score(users, histories, items).mean(),
        "target_score",
    )


@contained
def check_differentiable_scoring_first_leaves_the_gradients(subject: Subject) -> None:
    """A model that has answered ``score_next`` has the gradients of one that has not."""
    fresh, asked = _fitted(subject), _fitted(subject)
    train = two_groups().train
    users, histories, items = _triples()
    asked.score_next(users, histories)  # before anything else is asked of it
    samples = fresh.training_samples(train, seed=SEED)
    for what, expected, found in (
        ("loss", fresh.sample_loss(samples), asked.sample_loss(samples)),
        (
            "target score",
            fresh.target_score(users, histories, items),
            asked.target_score(users, histories, items),
        ),
    ):
        if not expected.requires_grad:  # another check's business
            continue
        promise(
            found.requires_grad,
            subject,
            f"gives a {what} without a gradient once it has answered score_next",
        )
        promise(
            all(
                np.allclose(a, b, rtol=1e-4, atol=1e-6)
                for a, b in zip(_gradients(asked, found), _gradients(fresh, expected), strict=True)
            ),
            subject,
            f"gives another gradient of its {what} once it has answered score_next",
        )


@contained
def check_differentiable_target_score_ranks_as_score_next(subject: Subject) -> None:
    """``target_score`` of 0, 1 and all items has shape (n,) and orders them as ``score_next``."""
    model, split = _fitted(subject), two_groups()
    n_items = split.train.n_items
    for user in (0, 1, 46):
        one = np.array([user], dtype=np.int32)
        scores = model.score_next(one, split.train.take(one))[0].astype(np.float64)
        for n in (0, 1, n_items):
            rows = np.full(n, user, dtype=np.int32)
            items = np.arange(n, dtype=np.int32)
            answer = model.target_score(rows, split.train.take(rows), items)
            promise(
                tuple(answer.shape) == (n,),
                subject,
                f"gave target scores of shape {tuple(answer.shape)} for {n} triples",
            )
            target = answer.detach().numpy().astype(np.float64)
            clear = scores[:n, None] - scores[None, :n] > 1e-3 * np.ptp(scores)
            promise(
                bool((target[:, None] > target[None, :])[clear].all()),
                subject,
                "orders items otherwise in target_score than in score_next",
            )


@contained
def check_differentiable_l2_fits_the_parameters(subject: Subject) -> None:
    """``l2_coefficients``: one a parameter, finite, 0 or more, broadcastable to its tensor."""
    import torch

    model = _fitted(subject)
    samples = model.training_samples(two_groups().train, seed=SEED)
    parameters = model.parameters()
    for given in (samples, samples.take(np.arange(0))):
        found = model.l2_coefficients(given)
        promise(
            len(found) == len(parameters),
            subject,
            f"gave {len(found)} L2 coefficients for {len(parameters)} parameters",
        )
        for coefficient, parameter in zip(found, parameters, strict=True):
            promise(
                _broadcasts(coefficient, parameter)
                and bool(torch.isfinite(coefficient).all())
                and bool((coefficient >= 0).all()),
                subject,
                f"gave an L2 coefficient of shape {tuple(coefficient.shape)} for a parameter of "
                f"shape {tuple(parameter.shape)}; expected finite numbers from 0 that broadcast",
            )


def _fitted(subject: Subject) -> DifferentiableRecommender:
    split = two_groups()
    model = subject.build().fit(split.train, validation=split.validation, seed=SEED)
    promise(
        isinstance(model, DifferentiableRecommender),
        subject,
        "declares differentiable = True and is no DifferentiableRecommender",
    )
    found: DifferentiableRecommender = model
    return found


def _broadcasts(coefficient: "Tensor", parameter: "Tensor") -> bool:
    try:
        coefficient.expand(parameter.shape)
    except RuntimeError:
        return False
    return True


def _triples() -> tuple[NDArray[np.int32], Sequences, NDArray[np.int32]]:
    users = np.arange(7, dtype=np.int32)
    items = np.array([0, 3, 5, 8, 11, 13, 14], dtype=np.int32)
    return users, two_groups().train.take(users), items


def _gradients(model: DifferentiableRecommender, value: "Tensor") -> "list[Tensor]":
    """The gradient of the sum of a value in each parameter, zero where it plays no part."""
    import torch

    parameters = model.parameters()
    found = torch.autograd.grad(value.sum(), parameters, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for g, p in zip(found, parameters, strict=True)]


def _check_slope(
    subject: Subject,
    model: DifferentiableRecommender,
    value: "Callable[[], Tensor]",
    what: str,
) -> None:
    """Compare the gradient with the slope along itself: exact to first order, cheap, one number."""
    import torch

    parameters = model.parameters()
    total = value()
    promise(
        total.requires_grad, subject, f"gives {what} without a gradient: is it detached on its way?"
    )
    gradients = _gradients(model, total)
    length = float(sum(float(g.double().square().sum()) for g in gradients)) ** 0.5
    promise(length > 0, subject, f"has a {what} whose gradient is zero")
    step = 1e-2 * max(1.0, float(max(p.detach().abs().max() for p in parameters)))
    values = []
    with torch.no_grad():
        for sign in (1.0, -1.0):
            for p, g in zip(parameters, gradients, strict=True):
                p.add_(g * (sign * step / length))
            values.append(float(value().double()))
            for p, g in zip(parameters, gradients, strict=True):
                p.sub_(g * (sign * step / length))
    slope = (values[0] - values[1]) / (2 * step)
    promise(
        abs(slope - length) <= 0.1 * length,
        subject,
        f"has a {what} that rises by {slope:.3g} along its gradient of length {length:.3g}; "
        "expected the same number",
    )
