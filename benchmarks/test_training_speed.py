"""Training speed on Amazon Beauty, as ratios to other trainers measured in the same run.

    LOKI_BENCH_DATA=/folder/with/beauty python -m pytest benchmarks/test_training_speed.py

One thread each. RecBole's trainer is RecBole's own (2,048 samples a batch, Adam); ``implicit`` is
compared where it is installed. The numbers lie in ``extra_info`` of pytest-benchmark's report.
"""

import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from recbole_trainer import patch, prepare, trainer_of, working_directory

from loki_bench.interactions import Interactions, Sequences
from loki_bench.split import leave_one_out
from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.fpmc import FPMC

pytestmark = [
    pytest.mark.beauty,
    # RecBole's own warnings, of pandas 3 and torch 2
    pytest.mark.filterwarnings("ignore"),
]
PAIRS = {"BPR": BPRMF, "FPMC": FPMC}


@pytest.fixture(scope="session")
def beauty():
    torch.set_num_threads(1)
    folder = Path(os.environ.get("LOKI_BENCH_DATA", ""))
    files = [path for name in ("beauty.txt", "Beauty.txt") for path in [folder / name]]
    found = [path for path in files if path.is_file()]
    if not found:
        pytest.skip("set LOKI_BENCH_DATA to the folder that holds beauty.txt")
    rows = [
        [int(item) - 1 for item in line.split()[1:]] for line in found[0].read_text().splitlines()
    ]
    sequences = Sequences.of(rows)
    return Interactions(sequences.offsets, sequences.items, n_items=int(sequences.items.max()) + 1)


@pytest.fixture(scope="session")
def recbole_seconds(beauty):
    """CPU seconds of one epoch and of one validation pass of RecBole's trainer, by model."""
    seconds = {}
    patch()
    with warnings.catch_warnings(), working_directory() as folder:
        warnings.simplefilter("ignore")
        (folder / "beauty").mkdir()
        lines = ["user_id:token\titem_id:token\ttimestamp:float"]
        for user, items in enumerate(beauty):
            lines += [f"u{user}\ti{item}\t{step}" for step, item in enumerate(items)]
        (folder / "beauty" / "beauty.inter").write_text("\n".join(lines))
        for name in PAIRS:
            prepared = prepare(
                name, {"dataset": "beauty", "data_path": str(folder), "eval_batch_size": 2**22}
            )
            trainer = trainer_of(prepared)
            trainer._train_epoch(prepared.train, 0, show_progress=False)
            started = time.process_time()
            trainer._train_epoch(prepared.train, 1, show_progress=False)
            trained = time.process_time()
            trainer._valid_epoch(prepared.valid, show_progress=False)
            seconds[name] = (trained - started, time.process_time() - trained)
    return seconds


def cpu_seconds_of_an_epoch(model, split, *, n_epochs=6):
    """From the difference of a long and a short fit, so that what a fit does once cancels."""
    times = []
    for epochs in (1, 1 + n_epochs):  # the first call also loads the compiled code
        started = time.process_time()
        model(epochs=epochs).fit(split.train, validation=None, seed=0)
        times.append(time.process_time() - started)
    return (times[1] - times[0]) / n_epochs


@pytest.mark.parametrize("name", PAIRS)
def test_an_epoch_is_many_times_faster_than_recboles(name, beauty, recbole_seconds, benchmark):
    split = leave_one_out(beauty)
    PAIRS[name](epochs=1).fit(split.train, validation=None, seed=0)
    ours = benchmark.pedantic(cpu_seconds_of_an_epoch, (PAIRS[name], split), rounds=1)
    theirs = recbole_seconds[name][0]
    benchmark.extra_info.update(epoch=ours, recbole_epoch=theirs, ratio=theirs / ours)
    print(
        f"\n{name}: {ours:.3f} s an epoch, RecBole's trainer {theirs:.2f} s: {theirs / ours:.1f}x"
    )
    assert theirs / ours > 4


@pytest.mark.parametrize("name", PAIRS)
def test_a_fit_with_validation_is_many_times_faster_than_recboles_epochs(
    name, beauty, recbole_seconds, benchmark
):
    split = leave_one_out(beauty)

    def fit():
        started = time.process_time()
        model = PAIRS[name]().fit(split.train, validation=split.validation, seed=0)
        return time.process_time() - started, model.fit_report

    ours, report = benchmark.pedantic(fit, rounds=1, warmup_rounds=0)
    epoch, validation = recbole_seconds[name]
    looks = np.ceil(report["epochs"] / {"BPR": 10, "FPMC": 5}[name])
    theirs = report["epochs"] * epoch + looks * validation
    benchmark.extra_info.update(fit=ours, recbole_same_epochs=theirs, **report)
    print(f"\n{name}: fit {ours:.1f} s {report}; RecBole as many epochs and looks {theirs:.0f} s")
    assert theirs / ours > 4


def test_bprmf_beside_implicit(beauty, benchmark):
    bpr = pytest.importorskip("implicit.bpr", reason="pip install implicit")
    sparse = pytest.importorskip("scipy.sparse")
    split = leave_one_out(beauty)
    train = split.train
    matrix = sparse.csr_matrix(
        (np.ones(train.n_events, np.float32), (train.rows, train.items)),
        shape=(train.n_users, train.n_items),
    )
    times = []
    for iterations in (1, 11):
        model = bpr.BayesianPersonalizedRanking(
            factors=63, iterations=iterations, num_threads=1, random_state=0, use_gpu=False
        )
        started = time.process_time()
        model.fit(matrix, show_progress=False)
        times.append(time.process_time() - started)
    theirs = (times[1] - times[0]) / 10
    BPRMF(epochs=1).fit(train, validation=None, seed=0)
    ours = benchmark.pedantic(cpu_seconds_of_an_epoch, (BPRMF, split), rounds=1)
    benchmark.extra_info.update(epoch=ours, implicit_epoch=theirs, ratio=theirs / ours)
    print(f"\nbprmf {ours:.3f} s an epoch, implicit {theirs:.3f} s: {theirs / ours:.2f}x")
    assert ours < 5 * theirs
