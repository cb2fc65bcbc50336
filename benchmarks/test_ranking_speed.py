"""Ranking the test event of every user of Amazon Beauty, beside RecBole's evaluation pass.

Ours is the host's own path: scores in blocks, checked, masked, ranked. RecBole's pass is
``trainer.evaluate`` for NDCG@10 alone, with its default batches and with large ones.
"""

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from beauty import ranks_of_test_events

from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.fpmc import FPMC

pytestmark = [
    pytest.mark.beauty,
    pytest.mark.filterwarnings("ignore"),  # RecBole's own, of pandas 3 and torch 2
]
PAIRS = {"BPR": BPRMF, "FPMC": FPMC}
SPEED_BARS = {("BPR", 4096): 8, ("FPMC", 4096): 4, ("BPR", 2**22): 2, ("FPMC", 2**22): 2}
"""By model and RecBole's ``eval_batch_size``: its default, one user of Beauty at a time, and 346.

The bar is 8, for RecBole's pass as it comes. It is missed by fpmc (docs/performance.md), and out of
reach against what is RecBole's faster setting for bprmf, where our product of the factors alone
takes a sixth of RecBole's pass; the numbers below 8 only guard against getting slower.
"""
MEMORY_BAR_MIB = 1024


@pytest.mark.parametrize("eval_batch_size", [4096, 2**22], ids=["default", "tuned"])
@pytest.mark.parametrize("name", PAIRS)
def test_ranking_beside_recboles_evaluation(name, eval_batch_size, split, recbole, benchmark):
    prepared, trainer = recbole(name, eval_batch_size)
    model = PAIRS[name](epochs=1).fit(split.train, validation=None, seed=0)
    ranks_of_test_events(model, split)  # compiles
    ours, theirs = [], []

    def cpu_seconds(work):
        started = time.process_time()
        work()
        return time.process_time() - started

    def peer():
        evaluate = partial(trainer.evaluate, load_best_model=False, show_progress=False)
        theirs.append(cpu_seconds(lambda: evaluate(prepared.test)))

    def measured():
        ours.extend(cpu_seconds(lambda: ranks_of_test_events(model, split)) for _ in range(2))

    # with one user a batch RecBole's pass is long enough to be measured once
    benchmark.pedantic(measured, setup=peer, rounds=1 if eval_batch_size == 4096 else 2)
    ratio = min(theirs) / min(ours)
    benchmark.extra_info.update(ranking=min(ours), recbole=min(theirs), ratio=ratio)
    print(
        f"\n{name}: ranking {min(ours):.2f} s, RecBole with eval_batch_size={eval_batch_size} "
        f"{min(theirs):.2f} s: {ratio:.1f}x"
    )
    assert ratio >= SPEED_BARS[name, eval_batch_size]


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
