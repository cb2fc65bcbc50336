"""Ranking the test event of every user of Amazon Beauty, beside RecBole's evaluation pass.

Ours twice: the first ten places, which is what NDCG@10 needs, and the host's own path, every rank
exactly: scores checked, masked, counted. RecBole's pass is ``trainer.evaluate`` for NDCG@10 alone,
with its default batches and with large ones.
"""

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from beauty import ranks_of_test_events

from loki_bench.first_places import FirstPlaces
from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.fpmc import FPMC
from loki_bench_recbole.validation import ndcg_at

pytestmark = [
    pytest.mark.beauty,
    pytest.mark.filterwarnings("ignore"),  # RecBole's own, of pandas 3 and torch 2
]
PAIRS = {"BPR": BPRMF, "FPMC": FPMC}
TEN_BAR = 8
"""For what RecBole's pass finds, NDCG@10, in both of its settings."""

EXACT_BARS = {("BPR", 4096): 8, ("FPMC", 4096): 4, ("BPR", 2**22): 3, ("FPMC", 2**22): 4}
"""For every exact rank, which is more than RecBole's pass finds.

By model and RecBole's ``eval_batch_size``: its default, one user of Beauty at a time, and 346. They
only guard against getting slower: the product of the factors alone, at the speed of the processor,
takes an eighth of RecBole's pass in large batches (docs/performance.md).
"""
MEMORY_BAR_MIB = 1024


@pytest.mark.parametrize("eval_batch_size", [4096, 2**22], ids=["default", "tuned"])
@pytest.mark.parametrize("name", PAIRS)
def test_ranking_beside_recboles_evaluation(name, eval_batch_size, split, recbole, benchmark):
    prepared, trainer = recbole(name, eval_batch_size)
    # trained, for an untrained model is no test of what leaves work out
    model = PAIRS[name](epochs=10).fit(split.train, validation=None, seed=0)
    ours, tens, theirs = [], [], []

    def ten():
        test = split.test
        places = FirstPlaces(test.histories, test.items, n_items=split.train.n_items, k=10)
        return places.ranks(model._queries(test.users, test.histories), model._query_items())

    ranks = ranks_of_test_events(model, split)[:, 0]  # compiles
    assert ndcg_at(10, ten()) == ndcg_at(10, ranks)

    def cpu_seconds(work):
        started = time.process_time()
        work()
        return time.process_time() - started

    def peer():
        evaluate = partial(trainer.evaluate, load_best_model=False, show_progress=False)
        theirs.append(cpu_seconds(lambda: evaluate(prepared.test)))

    def measured():
        ours.extend(cpu_seconds(lambda: ranks_of_test_events(model, split)) for _ in range(2))
        tens.extend(cpu_seconds(ten) for _ in range(2))

    # with one user a batch RecBole's pass is long enough to be measured once
    benchmark.pedantic(measured, setup=peer, rounds=1 if eval_batch_size == 4096 else 2)
    ratio, ten_ratio = min(theirs) / min(ours), min(theirs) / min(tens)
    benchmark.extra_info.update(ranking=min(ours), recbole=min(theirs), ratio=ratio)
    benchmark.extra_info.update(first_ten=min(tens), first_ten_ratio=ten_ratio)
    print(
        f"\n{name}: RecBole with eval_batch_size={eval_batch_size} {min(theirs):.2f} s; first ten "
        f"{min(tens):.3f} s: {ten_ratio:.1f}x; every rank {min(ours):.2f} s: {ratio:.1f}x"
    )
    assert ten_ratio >= TEN_BAR
    assert ratio >= EXACT_BARS[name, eval_batch_size]


@pytest.mark.parametrize("name", PAIRS)
def test_peak_memory_of_a_process_that_trains_and_ranks(name, benchmark):
    """The whole process: interpreter, torch, RecBole's classes, data, model and scores."""
    code = (
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import test_ranking_speed as here\n"
        "from beauty import load_beauty, peak_mib, ranks_of_test_events\n"
        "from loki_bench.split import leave_one_out\n"
        "split = leave_one_out(load_beauty())\n"
        f"model = here.PAIRS[{name!r}](epochs=1).fit(split.train, validation=None, seed=0)\n"
        "before = peak_mib()\n"
        "ranks_of_test_events(model, split)\n"
        "print(before, peak_mib())\n"
    )

    def measured():
        return subprocess.run(  # noqa: S603 - the code above
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        ).stdout

    before, peak = map(float, benchmark.pedantic(measured, rounds=1).split())
    benchmark.extra_info.update(before_ranking_mib=before, peak_mib=peak)
    print(f"\n{name}: {peak:.0f} MiB at the peak, {before:.0f} MiB before ranking")
    assert peak < MEMORY_BAR_MIB
