"""The steps of a large run that grow with the data, one by one, each in a process of its own.

Called by ``large.py steps``; what a fit takes as a whole follows from its epochs and looks.
"""

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from beauty import peak_mib

N_TARGETS = N_TARGET_USERS = 20
SEED = 0


class Clock:
    """Seconds of processor time of named parts, in their order."""

    def __init__(self):
        self.parts = {}

    @contextmanager
    def of(self, name):
        started = time.process_time()
        yield
        self.parts[name] = time.process_time() - started


def read(path, given, clock):
    """The file as ``loki-bench run`` reads it; the sequences are kept for the other steps."""
    from loki_bench.datasets.own_file import OwnFile

    with clock.of("read"):
        log = OwnFile(path=str(path)).read(Path(), download=False)
    data = log.interactions
    with clock.of("fingerprint"):
        data.fingerprint()
    np.save(path.with_suffix(".offsets.npy"), data.offsets)
    np.save(path.with_suffix(".items.npy"), data.items)
    path.with_suffix(".n_items").write_text(str(data.n_items))
    print(f"{data.n_events:,} events, {data.n_users:,} users, {data.n_items:,} items", flush=True)


def split_of(path, given, clock):
    """The split and its sample of evaluated users, as a job makes them."""
    from loki_bench.interactions import Interactions
    from loki_bench.split import split_at
    from loki_bench.suite.evaluated_users import evaluated
    from loki_bench.suite.suite import CellProtocol

    data = Interactions(
        np.load(path.with_suffix(".offsets.npy"), mmap_mode="r"),
        np.load(path.with_suffix(".items.npy"), mmap_mode="r"),
        n_items=int(path.with_suffix(".n_items").read_text()),
    )
    protocol = CellProtocol(evaluate_users=given.evaluate_users)
    with clock.of("split"):
        split = split_at(data, None)
    with clock.of("sample of users"):
        return evaluated(split, protocol, SEED)


def fit(path, given, clock):
    """What a fit of bprmf begins with, an epoch, a look, and the ranks of the test events."""
    from beauty import ranks_of_test_events

    from loki_bench_recbole.bprmf import BPRMF
    from loki_bench_recbole.samples import SampleSource

    split = split_of(path, given, clock)
    model = BPRMF(epochs=1)
    with clock.of("samples of a fit"):
        source = SampleSource.of(split.train, from_first=True)
    with clock.of("first weights"):
        model._n_users, model._n_items = split.train.n_users, split.train.n_items
        model._model = model._built(split.train, seed=SEED)
    epoch = model._epoch(split.train, source, seed=SEED)
    with clock.of("first epoch (it compiles)"):
        epoch(0)
    with clock.of("an epoch"):
        epoch(1)
    look = model._look(split.validation)
    with clock.of(f"a look at {len(split.validation):,} users"):
        look()
    with clock.of(f"ranks of {len(split.test):,} users"):
        ranks = ranks_of_test_events(model, split)
    print(
        f"HR@10 after two epochs {np.mean(ranks <= 10):.4f}, chance {10 / split.train.n_items:.6f}",
        flush=True,
    )


def groups(path, given, clock):
    """LOKI's groups of items: a factorisation of all events, and its clusters."""
    from loki_bench.attackers.loki.groups import cluster_items, item_factors

    history = split_of(path, given, clock).history
    with clock.of("item factors"):
        factors = item_factors(history, n_factors=16, seed=SEED)
    with clock.of("clusters of items"):
        cluster_items(factors, n_clusters=10, seed=SEED)


STEPS = {"read": read, "fit": fit, "groups": groups}


def one(name, path, given):
    clock = Clock()
    STEPS[name](path, given, clock)
    print(json.dumps({"seconds": clock.parts, "peak_mib": peak_mib()}), flush=True)


def main(path, given):
    print("| step | CPU s |\n|---|---|")
    for name in given.steps:
        code = (
            f"import sys; sys.path[:0] = [{str(Path(__file__).parent)!r}]\n"
            "from argparse import Namespace\nfrom pathlib import Path\nimport large_steps\n"
            f"given = Namespace(evaluate_users={given.evaluate_users})\n"
            f"large_steps.one({name!r}, Path({str(path)!r}), given)"
        )
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)  # noqa: S603
        if done.returncode:
            raise SystemExit(f"step '{name}' ended with {done.returncode}")
        *said, told = done.stdout.splitlines()
        found = json.loads(told)
        for part, seconds in found["seconds"].items():
            print(f"| {name}: {part} | {seconds:.1f} |")
        print(f"| {name}: peak of its process | {found['peak_mib'] / 1024:.2f} GiB |")
        for line in said:
            print(f"| {name} | {line} |", flush=True)
