"""Builds RecBole model classes without RecBole's ``Config``, data layer or ``quick_start``.

``recbole.config.Config`` reads ``sys.argv``, patches numpy and writes folders, and
``recbole.quick_start`` imports ray; a model class itself needs only a mapping and, of its dataset,
what :class:`~loki_bench_recbole.dataset_stand_in.DatasetStandIn` answers.
"""

import importlib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import torch
from scipy.sparse import dok_matrix
from torch import nn

from loki_bench.anomaly_detection import anomaly_detection_kept
from loki_bench.errors import PluginError
from loki_bench.interactions import Interactions
from loki_bench_recbole.dataset_stand_in import (
    ITEM,
    LENGTH,
    USER,
    DatasetStandIn,
)

__all__ = ["build_model", "full_float32", "one_torch_thread", "recbole_class"]


def build_model(
    target: str,
    parameters: Mapping[str, object],
    *,
    train: Interactions,
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
    train : Interactions
        How many users and items there are, and what a graph is built of.
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
    config = _Settings(
        {
            "USER_ID_FIELD": USER,
            "ITEM_ID_FIELD": ITEM,
            "NEG_PREFIX": "neg_",
            "LIST_SUFFIX": "_list",
            "ITEM_LIST_LENGTH_FIELD": LENGTH,
            "MAX_ITEM_LIST_LENGTH": max_length,
            "device": torch.device("cpu"),
            **parameters,
        }
    )
    with torch.random.fork_rng(devices=[]), _dictionary_updates():
        # not manual_seed(): that also seeds the generators of every accelerator
        torch.default_generator.manual_seed(seed)
        model = model_class(config, DatasetStandIn(train, max_length=max_length))
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            module.weight.data[0] = 0
    return model


class _Settings(dict[str, object]):
    """Settings as RecBole's ``Config`` answers them: None where there is none."""

    def __missing__(self, key: str) -> None:
        return None

    def __getattr__(self, key: str) -> object:
        if key in self:
            return self[key]
        raise AttributeError(key)


@contextmanager
def _dictionary_updates() -> Iterator[None]:
    """Give scipy's matrices of pairs the method that RecBole builds its graphs with.

    scipy had it until 1.12; torch's warning of an old constructor is kept from the user, too.
    """
    known = hasattr(dok_matrix, "_update")
    if not known:
        dok_matrix._update = lambda matrix, values: matrix._dict.update(values)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if not known:
            del dok_matrix._update


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Run torch on one thread: with two, sums are taken in another order and weights differ."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def full_float32() -> Iterator[None]:
    """Keep cuDNN from rounding to TF32, and to algorithms that give the same at each call.

    By default its recurrent layers and convolutions multiply with ten bits of mantissa: after
    three epochs a weight of a small GRU4Rec was 0.003 from the CPU's.
    """
    with torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    ):
        yield


def recbole_class(target: str) -> type[nn.Module]:
    """Import one of RecBole's model classes, ``"module:Name"``, with no trace in the process.

    Raises ``PluginError`` where RecBole, or what its model modules import, is not installed.
    """
    module, _, name = target.partition(":")
    try:
        with anomaly_detection_kept():
            return cast("type[nn.Module]", getattr(importlib.import_module(module), name))
    except ImportError as error:
        # --no-deps: RecBole pins a ray without wheels for Python 3.12, which no model imports
        raise PluginError(
            f"loki-bench-recbole needs RecBole 1.2.1, and importing {module} failed "
            f"({type(error).__name__}: {error}); type: pip install --no-deps recbole==1.2.1"
        ) from error
