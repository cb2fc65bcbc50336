"""A surrogate prepared for first-order influence: its objective, and the scorer of fake users.

Which closed forms a model has is decided here, once. Fake users are scored on an objective, so
``fake_users`` stands above ``objectives``; the two are put together above both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import (
    DifferentiableRecommender,
    FactorRecommender,
    InfluenceObjective,
    TranslationRecommender,
)
from loki_bench.influence.fake_users.factor import FactorFakeUsers
from loki_bench.influence.fake_users.options import FakeUserOptions
from loki_bench.influence.fake_users.samples import sample_rules
from loki_bench.influence.fake_users.scorer import FakeUserScorer
from loki_bench.influence.fake_users.translation import TranslationFakeUsers
from loki_bench.influence.kernels.negatives import SampleRules
from loki_bench.influence.objectives.factor import FactorObjective
from loki_bench.influence.objectives.training_objective import TrainingObjective
from loki_bench.influence.objectives.user_sampling import draw_samples
from loki_bench.interactions import Interactions

__all__ = ["Linearisation", "linearisation_of"]

FloatArray = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, eq=False)
class Linearisation:
    """A fitted model around its parameters.

    Attributes
    ----------
    training : TrainingObjective
        What the model minimised.
    scorer : callable
        Makes a scorer of fake users from a solved vector, shape (size,), and options.
    report : mapping of str to float
        Numbers worth recording.
    """

    training: TrainingObjective
    scorer: Callable[[FloatArray, FakeUserOptions], FakeUserScorer]
    report: Mapping[str, float] = field(default_factory=dict)


def linearisation_of(
    model: DifferentiableRecommender,
    train: Interactions,
    targets: InfluenceObjective,
    *,
    dtype: type[np.float32] | type[np.float64],
    sample_users: int | None,
    seed: int,
) -> Linearisation:
    """Linearise a model: by closed forms where it has them, else by automatic differentiation.

    Parameters
    ----------
    model : DifferentiableRecommender
        Fitted on ``train``.
    train : Interactions
    targets : InfluenceObjective
    dtype : numpy dtype
        Of a factor model's tables; any other model keeps its own.
    sample_users : int or None
        Over how many users Hessian products of a model without a closed form are taken, beside
        those that the targets touch; None takes everyone.
    seed : int
    """
    samples = model.training_samples(train, seed=seed)

    def rules(options: FakeUserOptions) -> SampleRules:
        return sample_rules(model, train, samples, targets.items, options, seed=seed)

    if isinstance(model, FactorRecommender):
        factors = FactorObjective.of(model, samples, dtype)
        return Linearisation(
            training=factors,
            scorer=lambda s, options: FactorFakeUsers(
                factors, s, options, rules=rules(options), seed=seed
            ),
        )

    # imports torch, which a factor model can do without
    from loki_bench.influence.fake_users.autograd import AutogradFakeUsers
    from loki_bench.influence.objectives.autograd import AutogradObjective

    drawn = draw_samples(samples, targets, n_users=sample_users, seed=seed)
    autograd = AutogradObjective(model, samples, drawn)

    def scorer(s: FloatArray, options: FakeUserOptions) -> FakeUserScorer:
        if isinstance(model, TranslationRecommender):
            return TranslationFakeUsers(
                model, s, options, train=train, rules=rules(options), seed=seed
            )
        # an objective of its own: the other holds what its products needed
        plain = AutogradObjective(model, samples, drawn)
        return AutogradFakeUsers(plain, s, options, train=train, rules=rules(options), seed=seed)

    return Linearisation(
        training=autograd,
        scorer=scorer,
        report={
            "sampled_users": float(drawn.n_users),
            "sampled_share": len(drawn.rows) / max(len(samples), 1),
        },
    )
