"""Training by torch on a CUDA device gives the CPU's model, within float32's rounding.

Both start from the same weights and take the same samples in the same batches, because draws are
functions of the seed and made on the CPU. What differs is the order in which sums are taken:
after a few epochs that is far below a hundredth of a weight. Dropout masks come from the device's
own generator, so the networks are compared without dropout.
"""

import numpy as np
import pytest
import torch

from loki_bench_recbole.bert4rec import BERT4Rec
from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.caser import Caser
from loki_bench_recbole.fpmc import FPMC
from loki_bench_recbole.gru4rec import GRU4Rec
from loki_bench_recbole.lightgcn import LightGCN
from loki_bench_recbole.narm import NARM
from loki_bench_recbole.sasrec import SASRec
from loki_bench_recbole.transrec import TransRec

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device: torch on the CPU is tested alone"
)

ABSOLUTE = 1e-3
"""Weights are of the order of 0.1 to 1. Adam divides by the root of a second moment that is near
zero at first, so a rounding of 1e-7 in a small gradient can grow this far in a few steps."""

BUILDS = {
    "bprmf": lambda device: BPRMF(trainer="torch", embedding_size=8, epochs=3, device=device),
    "fpmc": lambda device: FPMC(trainer="torch", embedding_size=8, epochs=3, device=device),
    "transrec": lambda device: TransRec(trainer="torch", embedding_size=8, epochs=3, device=device),
    "gru4rec-ce": lambda device: GRU4Rec(
        embedding_size=8, hidden_size=12, dropout=0.0, epochs=3, loss="CE", device=device
    ),
    "gru4rec-bpr": lambda device: GRU4Rec(
        embedding_size=8, hidden_size=12, dropout=0.0, epochs=3, loss="BPR", device=device
    ),
    "sasrec": lambda device: SASRec(
        hidden_size=8, inner_size=16, dropout=0.0, attention_dropout=0.0, epochs=3, device=device
    ),
    "bert4rec": lambda device: BERT4Rec(
        hidden_size=8, inner_size=16, dropout=0.0, attention_dropout=0.0, epochs=3, device=device
    ),
    "caser": lambda device: Caser(embedding_size=8, dropout=0.0, epochs=3, device=device),
    "narm": lambda device: NARM(
        embedding_size=8,
        hidden_size=12,
        dropout=0.0,
        attention_dropout=0.0,
        epochs=3,
        device=device,
    ),
    "lightgcn": lambda device: LightGCN(embedding_size=8, epochs=3, device=device),
}


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
def test_an_accelerator_trains_the_same_model_as_the_cpu(build, cycle):
    here, there = (
        build(device).fit(cycle.train, validation=cycle.validation, seed=2)
        for device in ("cpu", "cuda")
    )
    for ours, theirs in zip(here.parameters(), there.parameters(), strict=True):
        assert theirs.device.type == "cpu"  # a fitted model is at home everywhere
        torch.testing.assert_close(ours, theirs, atol=ABSOLUTE, rtol=1e-3)
    users = cycle.test.users
    np.testing.assert_allclose(
        there.score_next(users, cycle.test.histories),
        here.score_next(users, cycle.test.histories),
        atol=10 * ABSOLUTE,
    )
    assert there.fit_report["validation_ndcg@10"] == pytest.approx(
        here.fit_report["validation_ndcg@10"], abs=0.02
    )
