"""What ranking the test events of Amazon Beauty is made of: the product, by block, and counting.

    LOKI_BENCH_DATA=/folder/with/beauty OPENBLAS_NUM_THREADS=1 python benchmarks/ranking_parts.py

CPU seconds for all users, the least of three rounds, with random factors of 64 numbers (bprmf) and
of 128 (fpmc). Counting is over one block of scores, taken times the number of blocks.
"""

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from beauty import load_beauty

from loki_bench.boundary import BLOCK_EVENTS
from loki_bench.ranking import masked_ranks_if_finite
from loki_bench.split import leave_one_out


def least(work, rounds=3):
    seconds = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


def main():
    split = leave_one_out(load_beauty())
    test, n_items = split.test, split.train.n_items
    generator = np.random.default_rng(0)
    for d in (64, 128):
        users, items = (
            generator.normal(size=(n, d)).astype(np.float32) for n in (len(test), n_items)
        )
        for scores_held in (BLOCK_EVENTS, 2**21, 2**20, 2**19):
            block = scores_held // n_items

            def product(users=users, items=items, block=block):
                for start in range(0, len(users), block):
                    users[start : start + block] @ items.T

            print(
                f"product of {d} factors, {block} users a block: {least(product):.2f} s", flush=True
            )
    block = BLOCK_EVENTS // n_items
    scores = users[:block] @ items.T
    known, wanted = test.histories.take(np.arange(block)), test.items[:block, None]
    masked_ranks_if_finite(scores, known, wanted)  # compiles
    n_blocks = len(test) / block
    print(
        f"counting: {n_blocks * least(lambda: masked_ranks_if_finite(scores, known, wanted)):.3f} s"
    )
    print(
        f"extremes: {n_blocks * least(lambda: (scores.min(), scores.max())):.3f} s, no longer done"
    )


if __name__ == "__main__":
    main()
