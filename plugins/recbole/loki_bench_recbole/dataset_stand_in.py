"""What a model class of RecBole's may ask of its dataset, answered from sequences alone."""

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from torch import Tensor

from loki_bench.interactions import Interactions

__all__ = [
    "ITEM",
    "LENGTH",
    "NEGATIVE",
    "SEQUENCE",
    "USER",
    "DatasetStandIn",
    "NotProvidedError",
    "padded_histories",
]

# Keys of the mapping that a model's ``calculate_loss`` and ``predict`` read.
USER = "user_id"
ITEM = "item_id"
NEGATIVE = "neg_item_id"
SEQUENCE = "item_id_list"
LENGTH = "item_length"


class NotProvidedError(AttributeError):
    """A model asked for something that follows from no user's sequence of items."""


class DatasetStandIn:
    """Stands in for RecBole's dataset of training events; id 0 is its padding.

    It knows users, items and events. Whatever else a model asks for (attributes, ratings, times,
    a knowledge graph, pretrained weights) raises :class:`NotProvidedError`.

    Parameters
    ----------
    train : Interactions
    max_length : int
        RecBole's ``MAX_ITEM_LIST_LENGTH``.
    """

    uid_field = USER
    iid_field = ITEM

    def __init__(self, train: Interactions, *, max_length: int) -> None:
        self._train = train
        self._max_length = max_length
        self.user_num = train.n_users + 1
        self.item_num = train.n_items + 1
        self.inter_num = train.n_events
        self.field2seqlen = {SEQUENCE: max_length}

    def __getattr__(self, name: str) -> object:
        raise NotProvidedError(f"'{name}' of its dataset")

    def num(self, field: str | None) -> int:
        """Number of ids of a field, padding included."""
        known = {USER: self.user_num, ITEM: self.item_num}
        if field not in known:
            raise NotProvidedError(f"the field {field!r} of its dataset")
        return known[field]

    def inter_matrix(
        self, form: str = "coo", value_field: str | None = None
    ) -> coo_matrix | csr_matrix:
        """Users x items: a 1 for each event, so that repeats add up where a model sums them."""
        self._refuse_values(value_field)
        ids = (self._users.numpy(), self._items.numpy())
        shape = (self.user_num, self.item_num)
        matrix = coo_matrix((np.ones(len(ids[0])), ids), shape=shape)
        return matrix if form == "coo" else matrix.tocsr()

    def history_item_matrix(
        self, value_field: str | None = None, max_history_len: int | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Each user's items, oldest first: ids and ones of (n_users + 1, width), and lengths."""
        self._refuse_values(value_field)
        return _rows(self._users, self._items, self.user_num, max_history_len)

    def history_user_matrix(
        self, value_field: str | None = None, max_history_len: int | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Each item's users, likewise."""
        self._refuse_values(value_field)
        return _rows(self._items, self._users, self.item_num, max_history_len)

    @cached_property
    def inter_feat(self) -> dict[str, Tensor]:
        """A row for each event but users' first, with the items before it: the last ones, padded
        on the right, as RecBole hands them to sequential models."""
        train, longest = self._train, self._max_length
        first = np.zeros(train.n_events, dtype=np.bool_)
        first[train.offsets[:-1][train.lengths > 0]] = True
        events = np.flatnonzero(~first)
        starts = train.offsets[train.rows[events]]
        return {
            USER: self._users[events],
            ITEM: self._items[events],
            **padded_histories(self._items.numpy(), starts, events, longest),
        }

    @property
    def _users(self) -> Tensor:
        return torch.from_numpy(self._train.rows.astype(np.int64) + 1)

    @property
    def _items(self) -> Tensor:
        return torch.from_numpy(self._train.items.astype(np.int64) + 1)

    def _refuse_values(self, field: str | None) -> None:
        if field is not None:
            raise NotProvidedError(f"the field {field!r} of each event")


def padded_histories(
    ids: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64], width: int
) -> dict[str, Tensor]:
    """The last ``width`` ids of ``ids[start:end]``, padded with 0 on the right, and how many."""
    lengths = np.minimum(ends - starts, width)
    columns = np.arange(width)
    filled = columns < lengths[:, None]
    places = np.where(filled, (ends - lengths)[:, None] + columns, 0)
    rows = np.where(filled, ids[places], 0) if len(ids) else np.zeros(places.shape, np.int64)
    return {SEQUENCE: torch.from_numpy(rows), LENGTH: torch.from_numpy(lengths)}


def _rows(
    owners: Tensor, ids: Tensor, n_rows: int, longest: int | None
) -> tuple[Tensor, Tensor, Tensor]:
    order = torch.argsort(owners, stable=True)
    lengths = torch.bincount(owners, minlength=n_rows)
    width = int(lengths.max())
    starts = torch.cumsum(lengths, 0) - lengths
    places = torch.arange(len(ids)) - starts[owners[order]]
    table = torch.zeros(n_rows, width, dtype=torch.int64)
    table[owners[order], places] = ids[order]
    if longest is not None and width > longest:
        table, lengths = table[:, :longest], lengths.clamp(max=longest)
    return table, (table > 0).float(), lengths
