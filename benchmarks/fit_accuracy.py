"""How good our fits of Amazon Beauty are, by seed: NDCG@10 of validation, HR@10 of test events.

    LOKI_BENCH_DATA=/folder/with/beauty python benchmarks/fit_accuracy.py fpmc --seeds 5
    LOKI_BENCH_DATA=/folder/with/beauty python benchmarks/fit_accuracy.py fpmc --set epochs=150

RecBole's own: ``python benchmarks/recbole_fit.py FPMC --epochs 75 --seed 1``.
"""

import argparse
import ast
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from beauty import hr_at_10, load_beauty

from loki_bench.split import leave_one_out
from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.fpmc import FPMC

MODELS = {"bprmf": BPRMF, "fpmc": FPMC}


def parameter(text):
    name, _, value = text.partition("=")
    return name, ast.literal_eval(value)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--set", type=parameter, action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    split = leave_one_out(load_beauty())
    found = []
    for seed in range(given.seeds):
        began = time.process_time()
        model = MODELS[given.model](**dict(given.set))
        model.fit(split.train, validation=split.validation, seed=seed)
        seconds = time.process_time() - began
        report = model.fit_report
        found.append((report["validation_ndcg@10"], hr_at_10(model, split), seconds))
        print(
            f"seed {seed}: best epoch {report['best_epoch']:.0f} of {report['epochs']:.0f}, "
            f"validation NDCG@10 {found[-1][0]:.4f}, test HR@10 {found[-1][1]:.4f}, "
            f"{seconds:.1f} CPU s",
            flush=True,
        )
    ndcg, hr, seconds = np.mean(found, axis=0)
    print(f"mean: validation NDCG@10 {ndcg:.4f}, test HR@10 {hr:.4f}, {seconds:.1f} CPU s")


if __name__ == "__main__":
    main()
