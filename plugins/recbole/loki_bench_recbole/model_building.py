"""Builds RecBole model classes without RecBole's ``Config``, data layer or ``quick_start``.

``recbole.config.Config`` reads ``sys.argv``, patches numpy and writes folders, and
``recbole.quick_start`` imports ray; a model class itself needs only a mapping and two counts.
"""

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from loki_bench.errors import PluginError

__all__ = [
    "ITEM",
    "LENGTH",
    "NEGATIVE",
    "SEQUENCE",
    "USER",
    "build_model",
    "one_torch_thread",
    "recbole_class",
]

# Keys of the mapping that a model's ``calculate_loss`` and ``predict`` read.
USER = "user_id"
ITEM = "item_id"
NEGATIVE = "neg_item_id"
SEQUENCE = "item_id_list"
LENGTH = "item_length"


@dataclass(frozen=True, kw_only=True)
class _Counts:
    """Stands in for RecBole's dataset: how many users and items there are, padding included."""

    user_num: int
    item_num: int

    def num(self, field: str) -> int:
        """Number of ids of a field."""
        return {USER: self.user_num, ITEM: self.item_num}[field]


def build_model(
    target: str,
    parameters: Mapping[str, object],
    *,
    n_users: int,
    n_items: int,
    max_length: int,
    seed: int,
) -> nn.Module:
    """Build one of RecBole's model classes with its own initialisation.

    RecBole keeps id 0 for padding, so user ``u`` and item ``i`` are rows ``u + 1`` and ``i + 1``
    of its tables. Its initialisers overwrite the padding row with noise; it is set to zero again,
    so that padding (an absent last item) contributes nothing to a score.

    Parameters
    ----------
    target : str
        ``"package.module:Class"``.
    parameters : mapping
        The model's own hyper-parameters (``embedding_size`` ...).
    n_users, n_items : int
        Sizes without padding.
    max_length : int
        RecBole's ``MAX_ITEM_LIST_LENGTH``.
    seed : int in [0, 2**63)
        Of the initial weights; torch's global generators are left as they were.

    Raises
    ------
    PluginError
        RecBole, or a package that its model modules import, is not installed.
    """
    model_class = recbole_class(target)
    config = {
        "USER_ID_FIELD": USER,
        "ITEM_ID_FIELD": ITEM,
        "NEG_PREFIX": "neg_",
        "LIST_SUFFIX": "_list",
        "ITEM_LIST_LENGTH_FIELD": LENGTH,
        "MAX_ITEM_LIST_LENGTH": max_length,
        "device": torch.device("cpu"),
        **parameters,
    }
    with torch.random.fork_rng(devices=[]):
        # not manual_seed(): that also seeds the generators of every accelerator
        torch.default_generator.manual_seed(seed)
        model = model_class(config, _Counts(user_num=n_users + 1, item_num=n_items + 1))
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            module.weight.data[0] = 0
    return model


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Run torch on one thread: with two, sums are taken in another order and weights differ."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def recbole_class(target: str) -> type[nn.Module]:
    """Import one of RecBole's model classes, ``"module:Name"``, with no trace in the process.

    Raises ``PluginError`` where RecBole, or what its model modules import, is not installed.
    """
    module, _, name = target.partition(":")
    # RecBole's package imports sine.py, which turns torch's anomaly detection on for the whole
    # process: every backward pass is then two to four times slower, and a NaN is an exception
    anomaly = torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()
    try:
        return cast("type[nn.Module]", getattr(importlib.import_module(module), name))
    except ImportError as error:
        # --no-deps: RecBole pins a ray without wheels for Python 3.12, which no model imports
        raise PluginError(
            f"loki-bench-recbole needs RecBole 1.2.1, and importing {module} failed "
            f"({type(error).__name__}: {error}); type: pip install --no-deps recbole==1.2.1"
        ) from error
    finally:
        torch.autograd.set_detect_anomaly(*anomaly)
