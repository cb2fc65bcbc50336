"""The compiled and the torch trainer reach the same validation NDCG@10, on MovieLens-100K.

    python benchmarks/trainers_agree.py --seeds 5

Same samples, same loss, same l2; AdaGrad after every sample against Adam on batches. Both stop
early on the validation events. The last columns are the difference of the means, as a share of the
torch trainer's, and the p-value of Welch's t-test that there is none.
"""

import argparse
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from scipy.stats import ttest_ind

from loki_bench.datasets.movielens import MovieLens100K
from loki_bench.split import leave_one_out
from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.fpmc import FPMC

MODELS = {"bprmf": (BPRMF, 0.003), "fpmc": (FPMC, 0.01)}
TRAINERS = {
    "compiled": {},
    "torch": {"trainer": "torch", "learning_rate": 0.003, "epochs": 60, "validate_every": 3},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        split = leave_one_out(MovieLens100K().load(Path(folder), download=False))
    print("| model | trainer | mean | deviation | each seed | CPU s a fit | difference | p |")
    print("|---|---|---|---|---|---|---|---|")
    for name in given.models:
        recommender, l2 = MODELS[name]
        scores = {}
        for trainer, parameters in TRAINERS.items():
            started = time.process_time()
            scores[trainer] = [
                recommender(l2=l2, **parameters)
                .fit(split.train, validation=split.validation, seed=seed)
                .fit_report["validation_ndcg@10"]
                for seed in range(given.seeds)
            ]
            seconds = (time.process_time() - started) / given.seeds
            each = ", ".join(f"{score:.4f}" for score in scores[trainer])
            mean, spread = statistics.mean(scores[trainer]), statistics.stdev(scores[trainer])
            verdict = " | "
            if trainer == "torch":
                base = statistics.mean(scores["compiled"])
                p = ttest_ind(scores["compiled"], scores["torch"], equal_var=False).pvalue
                verdict = f"{base / mean - 1:+.1%} | {p:.2f}"
            print(
                f"| {name} | {trainer} | {mean:.4f} | {spread:.4f} | {each} | {seconds:.1f} "
                f"| {verdict} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
