"""An epoch and a whole fit on an accelerator beside one CPU thread, in one process.

    LOKI_BENCH_DATA=/folder/with/beauty python benchmarks/accelerator.py sasrec
    LOKI_BENCH_DATA=/folder/with/beauty python benchmarks/accelerator.py gru4rec --fits 2

An epoch is what one more epoch adds to a fit: (a fit of 1 + n epochs less one of 1) / n, after a
first fit that nobody looks at. ``--fits`` whole fits on the accelerator, with early stopping, tell
the seconds, those of their looks at the validation events, and HR@10 of the test events.
"""

import argparse
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
from beauty import DATA, hr_at_10

from loki_bench.split import leave_one_out
from loki_bench_recbole.bert4rec import BERT4Rec
from loki_bench_recbole.caser import Caser
from loki_bench_recbole.gru4rec import GRU4Rec
from loki_bench_recbole.lightgcn import LightGCN
from loki_bench_recbole.narm import NARM
from loki_bench_recbole.sasrec import SASRec

MODELS = {
    "gru4rec": GRU4Rec,
    "sasrec": SASRec,
    "bert4rec": BERT4Rec,
    "caser": Caser,
    "narm": NARM,
    "lightgcn": LightGCN,
}


def seconds_of_fit(build, split, *, validation=None, seed=0):
    """The fitted model and its wall seconds."""
    model = build()
    began = time.perf_counter()
    model.fit(split.train, validation=validation, seed=seed)
    return model, time.perf_counter() - began


def seconds_of_epoch(build, split, n_epochs):
    seconds_of_fit(partial(build, epochs=1), split)
    _, one = seconds_of_fit(partial(build, epochs=1), split)
    _, more = seconds_of_fit(partial(build, epochs=1 + n_epochs), split)
    return (more - one) / n_epochs


def timed_looks(model_class, spent):
    """The class with its looks timed."""

    class Timed(model_class):
        def _look(self, held_out):
            look = super()._look(held_out)

            def timed():
                began = time.perf_counter()
                found = look()
                spent.append(time.perf_counter() - began)
                return found

            return timed

    return Timed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--data", choices=DATA, default="beauty")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--epochs", type=int, default=4, help="timed ones on the accelerator")
    parser.add_argument("--cpu-epochs", type=int, default=1, help="timed ones on the CPU; 0: none")
    parser.add_argument("--fits", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    split = leave_one_out(DATA[given.data]())
    model_class = MODELS[given.model]
    epoch = {}
    for device, n_epochs in ((given.device, given.epochs), ("cpu", given.cpu_epochs)):
        if n_epochs:
            epoch[device] = seconds_of_epoch(partial(model_class, device=device), split, n_epochs)
            print(f"{given.model}, {device}: an epoch {epoch[device]:.2f} s", flush=True)
    if len(epoch) == 2:
        print(f"{given.model}: {epoch['cpu'] / epoch[given.device]:.1f} times as fast")
    for seed in range(given.fits):
        spent = []
        build = partial(timed_looks(model_class, spent), device=given.device)
        model, seconds = seconds_of_fit(build, split, validation=split.validation, seed=seed)
        report = model.fit_report
        print(
            f"{given.model}, {given.device}, seed {seed}: {report['epochs']:.0f} epochs in "
            f"{seconds:.1f} s, of which {len(spent)} looks {np.sum(spent):.1f} s; best epoch "
            f"{report['best_epoch']:.0f}, validation NDCG@10 {report['validation_ndcg@10']:.4f}, "
            f"test HR@10 {hr_at_10(model, split):.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
