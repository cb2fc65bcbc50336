"""What ranking the test events of Amazon Beauty is made of: the product, by block, and counting.

The product is numpy's, which ranking takes, and torch's beside it.

    LOKI_BENCH_DATA=/folder/with/beauty OPENBLAS_NUM_THREADS=1 python benchmarks/ranking_parts.py

CPU seconds for all users, the least of three rounds, with random factors of 64 numbers (bprmf) and
of 128 (fpmc). Counting is over one block of scores, taken times the number of blocks.
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
from beauty import load_beauty

from loki_bench.answer_checks import BLOCK_EVENTS
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
    torch.set_num_threads(1)
    split = leave_one_out(load_beauty())
    test, n_items = split.test, split.train.n_items
    generator = np.random.default_rng(0)
    for d in (64, 128):
        users, items = (
            generator.normal(size=(n, d)).astype(np.float32) for n in (len(test), n_items)
        )
        for scores_held in (BLOCK_EVENTS, 2**21, 2**20, 2**19):
            block = scores_held // n_items

            def by_numpy(start, users=users, items=items, block=block):
                return users[start : start + block] @ items.T

            def by_torch(start, users=users, items=items, block=block):
                rows = torch.from_numpy(users[start : start + block])
                return torch.mm(rows, torch.from_numpy(items).T).numpy()

            def whole(product, block=block):
                def work():
                    for start in range(0, len(test), block):
                        product(start)

                return work

            same = np.array_equal(by_numpy(0), by_torch(0))
            print(
                f"product of {d} factors, {block} users a block: {least(whole(by_numpy)):.2f} s, "
                f"by torch {least(whole(by_torch)):.2f} s, {'the same' if same else 'other'} bits",
                flush=True,
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
