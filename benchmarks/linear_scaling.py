"""Time and memory of an epoch, from 0.1 to 10 million events that look like Amazon Beauty's.

    LOKI_BENCH_DATA=/folder/with/beauty python benchmarks/linear_scaling.py

Sequences have Beauty's lengths and items Beauty's popularity. Two ways to grow: ``users`` adds
users to Beauty's catalogue of 12,101 items; ``both`` adds items in proportion, and an item's
popularity is shared among its copies. Each line is a process of its own; CPU time of the best of
some epochs, negatives and order included. Memory is the process's peak, less that of a process
with 1,000 events.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from beauty import load_beauty, peak_mib

from loki_bench.interactions import Interactions
from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.fpmc import FPMC
from loki_bench_recbole.samples import SampleSource

MODELS = {"bprmf": BPRMF, "fpmc": FPMC}


def grown(n_events, growth, seed=0):
    """Beauty's lengths and popularity, drawn anew for about ``n_events`` events."""
    beauty, generator = load_beauty(), np.random.default_rng(seed)
    lengths = generator.choice(beauty.lengths, round(n_events / beauty.lengths.mean()))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    items = beauty.items[generator.integers(0, beauty.n_events, offsets[-1])]
    n_items = beauty.n_items
    if growth == "both":
        n_items = round(n_items * n_events / beauty.n_events)
        within = generator.random(offsets[-1])
        items = ((items + within) * (n_items / beauty.n_items)).astype(np.int32)
        items = generator.permutation(n_items).astype(np.int32)[np.minimum(items, n_items - 1)]
    return Interactions(offsets, items, n_items=n_items)


def measure(model, growth, n_events, rounds):
    train = grown(n_events, growth)
    fitted = MODELS[model](epochs=1).fit(train, validation=None, seed=0)
    source = SampleSource.of(train, from_first=MODELS[model].from_first)
    epoch = fitted._epoch(train, source, seed=0)
    seconds = []
    for round_ in range(rounds):
        started = time.process_time()
        epoch(round_ + 1)
        seconds.append(time.process_time() - started)
    return {
        "model": model,
        "growth": growth,
        "events": train.n_events,
        "users": train.n_users,
        "items": train.n_items,
        "samples": len(source),
        "seconds": min(seconds),
        "peak_mib": peak_mib(),
    }


def in_a_process(model, growth, n_events, rounds):
    given = ["--one", model, growth, str(int(n_events)), str(rounds)]
    done = subprocess.run(  # noqa: S603 - this very file
        [sys.executable, __file__, *given], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", nargs=4, metavar=("MODEL", "GROWTH", "EVENTS", "ROUNDS"))
    parser.add_argument("--sizes", type=float, nargs="+", default=[1e5, 1e6, 1e7])
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--growth", nargs="+", default=["users", "both"])
    parser.add_argument("--rounds", type=int, help="epochs measured after a first one")
    given = parser.parse_args()
    if given.one:
        model, growth, n_events, rounds = given.one
        print(json.dumps(measure(model, growth, int(n_events), int(rounds))))
        return
    print(
        "| model | grows | events | users | items | s an epoch | us a sample | MiB | bytes each |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for model in given.models:
        for growth in given.growth:
            empty = in_a_process(model, growth, 1000, 1)["peak_mib"]
            for size in given.sizes:
                rounds = given.rounds or (2 if size > 5e6 else 8)
                row = in_a_process(model, growth, size, rounds)
                mib = row["peak_mib"] - empty
                print(
                    f"| {model} | {growth} | {row['events']:,} | {row['users']:,} "
                    f"| {row['items']:,} | {row['seconds']:.3f} "
                    f"| {row['seconds'] / row['samples'] * 1e6:.3f} | {mib:.0f} "
                    f"| {mib * 2**20 / row['events']:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
