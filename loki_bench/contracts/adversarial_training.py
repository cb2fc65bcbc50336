"""What a recommender implements that can be trained against noise on its vectors."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from loki_bench.contracts.recommenders import Recommender
from loki_bench.errors import ParameterError
from loki_bench.interactions import Interactions
from loki_bench.split import HeldOut

__all__ = ["AdversarialNoise", "AdversarialRecommender"]


@dataclass(frozen=True, kw_only=True, eq=False)
class AdversarialNoise:
    """Noise that training has to stand: a sample's loss becomes ``L(v) + weight * L(v + e)``.

    ``v`` are the vectors of users and items that the sample reads, and ``e`` moves each of them
    the way in which the sample's loss rises most, to first order; ``e`` is held while the loss is
    differentiated (He et al., Adversarial Personalized Ranking, SIGIR 2018). Training gets
    vectors whose order of items does not hang on their last digits.

    Attributes
    ----------
    radius : float, 0 or more
        How far a vector is moved, in root mean squares of the lengths of all vectors of its table,
        as they are when an epoch or, for a model that is trained on batches, a batch begins.
    weight : float, 0 or more
        With 0 there is no noise.
    of_users : float64 array of shape (n_users,), or None
        What the radius is multiplied with in the samples of each user, 0 or more; None is 1.

    Raises
    ------
    ParameterError
        A value is not finite or below 0, or ``of_users`` is no float64 array of one dimension.
    """

    radius: float
    weight: float
    of_users: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        for name, value in (("radius", self.radius), ("weight", self.weight)):
            if not 0 <= value < np.inf:
                raise ParameterError(
                    f"adversarial noise: {name} is {value!r}, expected a number of 0 or more"
                )
        of_users = self.of_users
        if of_users is None:
            return
        if of_users.dtype != np.float64 or of_users.ndim != 1:
            raise ParameterError(
                f"adversarial noise: of_users is a {of_users.dtype} array of shape "
                f"{of_users.shape}, expected float64 of shape (n_users,)"
            )
        if not (np.isfinite(of_users).all() and (of_users >= 0).all()):
            raise ParameterError(
                "adversarial noise: of_users has a value that is not finite or below 0"
            )


class AdversarialRecommender(Recommender):
    """A recommender that can be trained against noise; its spec says ``takes_noise``."""

    @abstractmethod
    def fit_adversarial(
        self,
        train: Interactions,
        *,
        validation: HeldOut | None,
        seed: int,
        noise: AdversarialNoise,
    ) -> Self:
        """Train from scratch like ``fit``, against this noise.

        Parameters
        ----------
        train, validation, seed
            See :meth:`Recommender.fit`.
        noise : AdversarialNoise
            With weight 0 the result is that of ``fit``, bit for bit; where the radius is 0 for all
            users no vector moves. Early stopping looks at scores without noise.

        Returns
        -------
        self

        Raises
        ------
        Exception
            Any exception fails the cell; the record keeps its text.
        """
