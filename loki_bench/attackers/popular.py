"""The paper's Popular attack: fake co-visitations of popular and target items (section 4.2.1)."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.alternating import AlternatingAttack
from loki_bench.contracts import AttackerView
from loki_bench.errors import ParameterError

__all__ = ["PopularAttack"]


class PopularAttack(AlternatingAttack):
    """Popular item, target, popular item, target ... (a variant of Yang et al., NDSS 2017).

    Parameters
    ----------
    n_popular : int, 1 or more
        How many items count as popular: those with the most events, equal counts to the lower
        id. The paper does not say; the default, 100, is about 1 % of its catalogue.
    """

    def __init__(self, *, n_popular: int = 100) -> None:
        if n_popular < 1:
            raise ParameterError(
                f"attacker 'popular': n_popular is {n_popular!r}; it must be a whole number from 1"
            )
        self.n_popular = n_popular

    def fillers(self, view: AttackerView, others: NDArray[np.int32]) -> NDArray[np.int32]:
        """The most popular of the other items."""
        counts = view.history.item_counts[others]
        return others[np.argsort(-counts, kind="stable")[: self.n_popular]]
