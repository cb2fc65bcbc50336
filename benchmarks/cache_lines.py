"""An epoch of bprmf's compiled loop with AdaGrad's sums where numpy puts them, and at a cache line.

    LOKI_BENCH_DATA=/folder/with/beauty python benchmarks/cache_lines.py --sizes 1e5 2e6 4e6

Both ways in turn in one process, on data that grows in users and items (``linear_scaling.py``);
CPU microseconds a sample, the best of some rounds after a first one, without the drawing of
negatives and order. Both must give the same bits.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
from linear_scaling import grown

from loki_bench_recbole.compiled_epoch import BLOCK_SAMPLES, INITIAL_ACCUMULATOR, aligned
from loki_bench_recbole.draws import Stream, epoch_key, shuffled_in_blocks
from loki_bench_recbole.factor_training import adagrad_epoch
from loki_bench_recbole.samples import SampleSource


def measure(n_events, rounds):
    train = grown(n_events, "both")
    source = SampleSource.of(train, from_first=True)
    negatives = source.negatives(seed=0, epoch=0)
    order = shuffled_in_blocks(len(source), BLOCK_SAMPLES, epoch_key(0, Stream.ORDER, 0))
    start = [
        (torch.randn(n, 64, generator=torch.Generator().manual_seed(0)) / 20).numpy()
        for n in (train.n_users, train.n_items)
    ]
    ways = {"where numpy puts them": np.full, "at a cache line": aligned}
    tables = {way: tuple(torch.from_numpy(t).clone().numpy() for t in start) for way in ways}
    sums = {
        way: tuple(make(t.shape, np.float32(INITIAL_ACCUMULATOR)) for t in start)
        for way, make in ways.items()
    }
    seconds = {way: [] for way in ways}
    for _ in range(rounds + 1):
        for way in ways:
            given = order, (source.users,), source.positives, negatives, tables[way], sums[way]
            began = time.process_time()
            adagrad_epoch(*given, np.float32(0.05), np.float32(0.01))
            seconds[way].append(time.process_time() - began)
    first, second = tables.values()
    same = all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    return {way: min(each[1:]) / len(source) * 1e6 for way, each in seconds.items()}, same


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=float, nargs="+", default=[1e5, 2e6, 4e6])
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    for size in given.sizes:
        found, same = measure(size, given.rounds)
        shown = ", ".join(f"{way} {each:.3f}" for way, each in found.items())
        print(f"{size:,.0f} events: us a sample: {shown}; the same bits: {same}", flush=True)
        if not same:
            sys.exit(1)


if __name__ == "__main__":
    main()
