"""An epoch and a whole fit on Amazon Beauty, as ratios to RecBole's trainer and to ``implicit``.

    LOKI_BENCH_DATA=/folder/with/beauty python -m pytest benchmarks --benchmark-only -s

One thread each, embedding size 64, CPU seconds, the least of several rounds. A round runs the peers
first and ours next, so that a busy machine slows all of them.
"""

import time
from dataclasses import dataclass

import numpy as np
import pytest
from beauty import hr_at_10

from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.fpmc import FPMC
from loki_bench_recbole.samples import SampleSource

pytestmark = [
    pytest.mark.beauty,
    pytest.mark.filterwarnings("ignore"),  # RecBole's own, of pandas 3 and torch 2
]
PAIRS = {"BPR": BPRMF, "FPMC": FPMC}
EPOCH_BARS = {"BPR": 60, "FPMC": 60}
FIT_BAR = 30
IMPLICIT_BAR = 0.4


@dataclass(frozen=True, kw_only=True)
class RecBoleFit:
    """What `python benchmarks/recbole_fit.py` printed of one fit by RecBole's trainer.

    ``epochs`` is until early stopping ended it, or, where ``ended`` is False, as far as it was
    followed. ``hr_at_10`` on the test events is of the best epoch: of one seed for BPR, the mean of
    seeds 2020 (0.0645), 1 (0.0631) and 2 (0.0643) for FPMC.
    """

    epochs: int
    ended: bool
    hr_at_10: float


RECBOLE_FITS = {
    "BPR": RecBoleFit(epochs=54, ended=True, hr_at_10=0.0365),
    "FPMC": RecBoleFit(epochs=75, ended=False, hr_at_10=0.0640),
}
LOOK_BATCHES = {"BPR": 2**22, "FPMC": 4096}
"""The ``eval_batch_size`` with which RecBole's look at the validation events is fastest."""


def cpu_seconds(work):
    started = time.process_time()
    work()
    return time.process_time() - started


def epoch_of(recommender, train):
    """What one call of runs one epoch of, as a fit does."""
    fitted = recommender(epochs=1).fit(train, validation=None, seed=0)
    source = SampleSource.of(train, from_first=recommender.from_first)
    epoch = fitted._epoch(train, source, seed=0)
    epoch(0)
    return lambda: epoch(1)


@pytest.mark.parametrize("name", PAIRS)
def test_an_epoch_beside_recboles(name, split, recbole, benchmark):
    prepared, trainer = recbole(name)
    ours, theirs = [], []
    epoch = epoch_of(PAIRS[name], split.train)

    def peer():
        work = lambda: trainer._train_epoch(prepared.train, 0, show_progress=False)  # noqa: E731 - three words
        theirs.append(cpu_seconds(work))

    def measured():
        ours.append(cpu_seconds(epoch))

    benchmark.pedantic(measured, setup=peer, rounds=3)
    ratio = min(theirs) / min(ours)
    benchmark.extra_info.update(epoch=min(ours), recbole_epoch=min(theirs), ratio=ratio)
    print(f"\n{name}: {min(ours):.3f} s an epoch, RecBole {min(theirs):.2f} s: {ratio:.1f}x")
    assert ratio >= EPOCH_BARS[name]


def test_an_epoch_of_bprmf_beside_implicit(split, benchmark):
    bpr = pytest.importorskip("implicit.bpr", reason="pip install implicit")
    sparse = pytest.importorskip("scipy.sparse")
    train = split.train
    matrix = sparse.csr_matrix(
        (np.ones(train.n_events, np.float32), (train.rows, train.items)),
        shape=(train.n_users, train.n_items),
    )
    ours, theirs = [], []
    epoch = epoch_of(BPRMF, train)

    def fit(iterations):
        model = bpr.BayesianPersonalizedRanking(
            # 63 and a bias are 64 numbers a row
            factors=63,
            iterations=iterations,
            num_threads=1,
            random_state=0,
            use_gpu=False,
        )
        model.fit(matrix, show_progress=False)

    def peer():  # what a fit does once cancels in the difference of a long and a short one
        theirs.append((cpu_seconds(lambda: fit(11)) - cpu_seconds(lambda: fit(1))) / 10)

    def measured():
        ours.append(cpu_seconds(epoch))

    benchmark.pedantic(measured, setup=peer, rounds=5)
    ratio = min(ours) / min(theirs)
    benchmark.extra_info.update(epoch=min(ours), implicit_epoch=min(theirs), ratio=ratio)
    print(f"\nbprmf {min(ours):.3f} s, implicit {min(theirs):.3f} s: {ratio:.2f} times as long")
    assert ratio <= IMPLICIT_BAR


@pytest.mark.parametrize("name", PAIRS)
def test_a_fit_beside_recboles(name, split, recbole, benchmark):
    prepared, trainer = recbole(name, LOOK_BATCHES[name])
    PAIRS[name](epochs=1).fit(split.train, validation=split.validation, seed=0)  # compiles
    recboles = RECBOLE_FITS[name]
    ours, their_epochs, their_looks, fitted = [], [], [], []

    def peer():
        work = lambda: trainer._train_epoch(prepared.train, 0, show_progress=False)  # noqa: E731 - three words
        their_epochs.append(cpu_seconds(work))
        look = lambda: trainer._valid_epoch(prepared.valid, show_progress=False)  # noqa: E731 - three words
        their_looks.append(cpu_seconds(look))

    def measured():
        model = PAIRS[name]()
        work = lambda: model.fit(split.train, validation=split.validation, seed=0)  # noqa: E731 - three words
        ours.append(cpu_seconds(work))
        fitted.append(model)

    benchmark.pedantic(measured, setup=peer, rounds=2 if name == "BPR" else 1)
    theirs = recboles.epochs * (min(their_epochs) + min(their_looks))
    ratio, hr = theirs / min(ours), hr_at_10(fitted[0], split)
    report = fitted[0].fit_report
    benchmark.extra_info.update(fit=min(ours), recbole_fit=theirs, ratio=ratio, hr=hr, **report)
    print(
        f"\n{name}: fit {min(ours):.1f} s, {report['epochs']:.0f} epochs, test HR@10 {hr:.4f}; "
        f"validation NDCG@10 {report['validation_ndcg@10']:.4f}; RecBole "
        f"{'' if recboles.ended else 'at least '}{recboles.epochs} x ({min(their_epochs):.2f} + "
        f"{min(their_looks):.2f}) = {theirs:.0f} s, HR@10 {recboles.hr_at_10:.4f}: "
        f"{ratio:.0f}x"
    )
    assert ratio >= FIT_BAR
    assert hr >= recboles.hr_at_10
