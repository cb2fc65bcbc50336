"""The paper's Popular attack: fake co-visitations of popular and target items (section 4.2.1)."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.alternating import AlternatingAttack
from loki_bench.contracts import AttackerView
from loki_bench.parameters import require_count

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
        self.n_popular = require_count("attacker 'popular'", "n_popular", n_popular)

    def fillers(self, view: AttackerView, others: NDArray[np.int32]) -> NDArray[np.int32]:
        """The most popular of the other items."""
        counts = view.history.item_counts[others]
        return others[np.argsort(-counts, kind="stable")[: self.n_popular]]
