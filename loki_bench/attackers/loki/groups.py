"""The action space of LOKI: disjoint groups of items (the paper, section 3.4).

One group holds the target items, one the other items that the target users already selected,
and ``c`` groups the rest, clustered by K-means over item factors of a non-negative matrix
factorisation of the item-user matrix.

Deviation from the paper, which clusters the factors as they are: rows are scaled to unit length
first. On Amazon Beauty the raw factors grow with an item's popularity, and K-means then answers
with one cluster of 11,847 of the 12,101 items and several of a single popular item.
"""

import warnings
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from loki_bench.interactions import Interactions, Sequences

__all__ = [
    "ItemDraw",
    "ItemGroups",
    "balanced_shares",
    "cluster_items",
    "item_factors",
    "item_groups",
]

_NMF_ITERATIONS = 400
_FEWEST_NMF_ITERATIONS = 25
_NMF_EVENTS = 2 * 10**8
"""Events of all iterations together: of more than half a million events fewer iterations are made.

What the factors point at settles long before their loss does.
"""

_KMEANS_STARTS = 3

ItemDraw: TypeAlias = Literal["uniform", "balanced"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemGroups:
    """Disjoint, non-empty groups of items.

    Attributes
    ----------
    names : tuple of str
        ``"targets"``, ``"target users' items"`` where there is such a group, ``"cluster 1"`` ...
    members : tuple of int32 arrays
        The items of each group, ascending.
    shares : tuple of float64 arrays
        The probability with which each item is drawn when its group is chosen; they add up to 1.
    """

    names: tuple[str, ...]
    members: tuple[NDArray[np.int32], ...]
    shares: tuple[NDArray[np.float64], ...]

    @classmethod
    def uniform(cls, groups: dict[str, NDArray[np.int32]]) -> "ItemGroups":
        """The groups with equal shares, as in the paper."""
        return cls(
            names=tuple(groups),
            members=tuple(groups.values()),
            shares=tuple(np.full(len(items), 1 / len(items)) for items in groups.values()),
        )

    def with_group(
        self, group: int, members: NDArray[np.int32], shares: NDArray[np.float64]
    ) -> "ItemGroups":
        """The same groups but for one."""
        all_members, all_shares = list(self.members), list(self.shares)
        all_members[group], all_shares[group] = members, shares
        return replace(self, members=tuple(all_members), shares=tuple(all_shares))

    def __len__(self) -> int:
        return len(self.members)

    @property
    def sizes(self) -> dict[str, int]:
        """Number of items of each group, by name."""
        return {name: len(items) for name, items in zip(self.names, self.members, strict=True)}


def item_groups(
    history: Interactions,
    targets: NDArray[np.int32],
    target_users: NDArray[np.int32],
    *,
    excluded: NDArray[np.int32],
    n_clusters: int,
    n_factors: int,
    with_target_user_group: bool,
    item_draw: ItemDraw,
    seed: int,
) -> ItemGroups:
    """Divide the catalogue into the groups that an agent chooses among.

    Parameters
    ----------
    history : Interactions
        The genuine events that the attacker sees.
    targets : int32 array of shape (n_targets,)
        Items to promote; always the first group.
    target_users : int32 array of shape (n_target_users,)
    excluded : int32 array of shape (n_excluded,)
        Items that belong to no group, as the targets of a demotion.
    n_clusters : int
        The paper's c; 0 for none. No more than items are left: a small or dense catalogue has few
        or none. Clusters that K-means leaves empty (fewer different factor vectors than clusters)
        are left out.
    n_factors : int
        Rank of the factorisation.
    with_target_user_group : bool
        False is the ablation: those items are clustered with the rest.
    item_draw : "uniform" or "balanced"
        How the target users' items are drawn: all alike (the paper), or a target user first and
        then one of its items (our extension, see :func:`balanced_shares`).
    seed : int
    """
    found = {"targets": np.unique(targets).astype(np.int32)}
    taken = np.union1d(targets, excluded)
    selected = history.take(target_users)
    if with_target_user_group:
        own = np.setdiff1d(selected.items, taken).astype(np.int32)
        if len(own):
            found["target users' items"] = own
            taken = np.union1d(taken, own)
    rest = np.setdiff1d(np.arange(history.n_items), taken).astype(np.int32)
    n_clusters = min(n_clusters, len(rest))
    if n_clusters:
        factors = item_factors(history, n_factors=n_factors, seed=seed)[rest]
        labels = cluster_items(factors, n_clusters=n_clusters, seed=seed)
        for number, label in enumerate(np.unique(labels), start=1):
            found[f"cluster {number}"] = rest[labels == label]
    groups = ItemGroups.uniform(found)
    if item_draw == "balanced" and "target users' items" in found:
        own = found["target users' items"]
        groups = groups.with_group(1, own, balanced_shares(selected, own))
    return groups


def balanced_shares(selected: Sequences, items: NDArray[np.int32]) -> NDArray[np.float64]:
    """Shares of items when a user is drawn first, and then one of its different items.

    Drawn all alike, users with long histories would get most of the clicks, and users with short
    ones would hardly be reached.

    Parameters
    ----------
    selected : Sequences
        The users' histories.
    items : int32 array of shape (n,)
        Ascending; each in some history. Other items of the histories are left out.

    Returns
    -------
    float64 array of shape (n,); adds up to 1.
    """
    shares = np.zeros(len(items))
    for history in selected:
        own = np.intersect1d(history, items)
        if len(own):
            shares[np.searchsorted(items, own)] += 1 / len(own)
    shares /= shares.sum()
    return shares


def item_factors(history: Interactions, *, n_factors: int, seed: int) -> NDArray[np.float64]:
    """Non-negative item factors with rows of unit length (all zeros for an item without events).

    The factorised matrix says whether a user selected an item; repetitions count once. A catalogue
    or population smaller than ``n_factors`` lowers the rank.

    Returns
    -------
    float64 array of shape (n_items, rank).
    """
    selected = sparse.csr_matrix(
        (np.ones(history.n_events), (history.items, history.rows)),
        shape=(history.n_items, history.n_users),
    )
    selected.sum_duplicates()
    selected.data[:] = 1.0
    # imported here: to write from a plan, none of it is needed, and it takes a second
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    model = NMF(
        n_components=max(1, min(n_factors, *selected.shape)),
        init="nndsvda",
        random_state=_sklearn_seed(seed),
        max_iter=_iterations(history.n_events),
        tol=1e-3,
    )
    with warnings.catch_warnings():
        # Only what the factors point at matters here, and that settles long before the loss does.
        warnings.simplefilter("ignore", ConvergenceWarning)
        factors: NDArray[np.float64] = model.fit_transform(selected)
    lengths = np.linalg.norm(factors, axis=1, keepdims=True)
    unit: NDArray[np.float64] = np.zeros_like(factors)
    np.divide(factors, lengths, out=unit, where=lengths > 0)
    return unit


def _iterations(n_events: int) -> int:
    most = min(_NMF_ITERATIONS, _NMF_EVENTS // max(n_events, 1))
    return max(_FEWEST_NMF_ITERATIONS, most)


def cluster_items(factors: NDArray[np.float64], *, n_clusters: int, seed: int) -> NDArray[np.int64]:
    """K-means labels of the rows, int64 array of shape (n,), values below ``n_clusters``."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    model = KMeans(n_clusters, n_init=_KMEANS_STARTS, random_state=_sklearn_seed(seed))
    with warnings.catch_warnings():
        # It warns of fewer different rows than clusters; the caller leaves empty clusters out.
        warnings.simplefilter("ignore", ConvergenceWarning)
        labels: NDArray[np.int64] = model.fit_predict(factors).astype(np.int64)
    return labels


def _sklearn_seed(seed: int) -> int:
    """scikit-learn takes 32 bits."""
    return int(np.random.SeedSequence(seed).generate_state(1)[0])
