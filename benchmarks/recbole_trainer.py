"""RecBole's own configuration, data layer and trainer, made to run on numpy 2 and torch 2.6.

Only for comparisons: it does to its process what ``loki-bench-recbole`` keeps away from (numpy
patched, ``log/`` and ``saved/`` written into the working directory, ``sys.argv`` read).
"""

import logging
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np
import torch

from loki_bench.interactions import Interactions, Sequences
from loki_bench.split import HeldOut


def patch():
    """Give numpy 2 and torch 2.6 the names and defaults that RecBole 1.2.1 expects."""
    for old, new in (
        ("float_", np.float64),
        ("complex_", np.complex128),
        ("object_", np.object_),
        ("str_", np.str_),
        ("unicode_", np.str_),
    ):
        if old not in np.__dict__:
            setattr(np, old, new)
    load = torch.load
    torch.load = lambda *given, **named: load(*given, **{"weights_only": False, **named})


@contextmanager
def working_directory():
    """A folder for what RecBole writes, and a command line without arguments."""
    before, argv = Path.cwd(), sys.argv
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        sys.argv = argv[:1]
        try:
            yield Path(folder)
        finally:
            os.chdir(before)
            sys.argv = argv


def prepare(model, settings):
    """RecBole's configuration, training batches, validation batches and base dataset."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import init_seed

    config = Config(
        model=model,
        dataset=settings.pop("dataset"),
        config_dict={
            "eval_args": {
                "split": {"LS": "valid_and_test"},
                "order": "TO",
                "group_by": "user",
                "mode": "full",
            },
            "metrics": ["NDCG"],
            "topk": [10],
            "valid_metric": "NDCG@10",
            "train_neg_sample_args": {
                "distribution": "uniform",
                "sample_num": 1,
                "alpha": 1.0,
                "dynamic": False,
                "candidate_num": 0,
            },
            "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
            "show_progress": False,
            "gpu_id": "",
            "use_gpu": False,
            "worker": 0,
            **settings,
        },
    )
    logging.disable(logging.INFO)
    init_seed(config["seed"], True)
    dataset = create_dataset(config)
    train, valid, test = data_preparation(config, dataset)
    return SimpleNamespace(config=config, train=train, valid=valid, test=test, dataset=dataset)


def trainer_of(prepared):
    """RecBole's model and the trainer that it would choose."""
    from recbole.utils import get_model, get_trainer, init_seed

    config = prepared.config
    init_seed(config["seed"], True)
    model = get_model(config["model"])(config, prepared.train.dataset)
    torch.autograd.set_detect_anomaly(False)  # importing RecBole's models turns it on
    return get_trainer(config["MODEL_TYPE"], config["model"])(config, model)


def split_of(prepared):
    """RecBole's own leave-one-out split of a general model as our train and validation events."""

    def columns(data):
        table = data.dataset.inter_feat
        return np.stack([table[name].numpy() for name in ("user_id", "item_id", "timestamp")])

    dataset = prepared.train.dataset
    n_users, n_items = dataset.user_num - 1, dataset.item_num - 1
    users, items, times = columns(prepared.train)
    order = np.lexsort((np.arange(len(times)), times, users))
    users, items = users[order].astype(np.int64) - 1, items[order].astype(np.int32) - 1
    offsets = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=n_users))])
    train = Interactions(offsets, items, n_items=n_items)
    held_users, held_items, _ = columns(prepared.valid)
    rows = held_users.astype(np.int32) - 1
    validation = HeldOut(
        users=rows,
        histories=Sequences(offsets, items).take(rows),
        items=held_items.astype(np.int32) - 1,
    )
    return train, validation
