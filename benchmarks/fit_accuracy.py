"""How good our fits are, by data set and seed: NDCG@10 of validation, HR@10 of test events.

    LOKI_BENCH_DATA=/folder/with/data python benchmarks/fit_accuracy.py fpmc --seeds 5
    LOKI_BENCH_DATA=/folder/with/data python benchmarks/fit_accuracy.py fpmc --data beauty lastfm
    LOKI_BENCH_DATA=/folder/with/data python benchmarks/fit_accuracy.py fpmc --set epochs=150

Each line says, too, whether early stopping ended the fit or its cap of epochs did. RecBole's own:
``python benchmarks/recbole_fit.py FPMC --seed 1``.
"""

import argparse
import ast
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from beauty import DATA, hr_at_10

from loki_bench.split import leave_one_out
from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.fpmc import FPMC
from loki_bench_recbole.sasrec import SASRec
from loki_bench_recbole.transrec import TransRec

MODELS = {"bprmf": BPRMF, "fpmc": FPMC, "sasrec": SASRec, "transrec": TransRec}


def parameter(text):
    name, _, value = text.partition("=")
    return name, ast.literal_eval(value)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--set", type=parameter, action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    for name in given.data:
        measure(name, given)


def measure(name, given):
    split = leave_one_out(DATA[name]())
    found = []
    for seed in range(given.seeds):
        began = time.process_time()
        model = MODELS[given.model](**dict(given.set))
        model.fit(split.train, validation=split.validation, seed=seed)
        seconds = time.process_time() - began
        report = model.fit_report
        found.append((report["validation_ndcg@10"], hr_at_10(model, split), seconds))
        at_cap = report["epochs"] == model._schedule.epochs
        print(
            f"{name}, {given.model}, seed {seed}: best epoch {report['best_epoch']:.0f} of "
            f"{report['epochs']:.0f}{' (the cap)' if at_cap else ''}, "
            f"validation NDCG@10 {found[-1][0]:.4f}, test HR@10 {found[-1][1]:.4f}, "
            f"{seconds:.1f} CPU s",
            flush=True,
        )
    ndcg, hr, seconds = np.mean(found, axis=0)
    print(
        f"{name}, {given.model}, mean: validation NDCG@10 {ndcg:.4f}, test HR@10 {hr:.4f}, "
        f"{seconds:.1f} CPU s"
    )


if __name__ == "__main__":
    main()
