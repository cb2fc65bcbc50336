"""The recommenders keep every promise that loki-bench's kit puts to the test."""

from importlib.metadata import entry_points

import pytest

from loki_bench.testing import PluginSubject, parametrize_with_checks, run_checks
from loki_bench_recbole.hooks import loki_bench_recommenders

SPECS = {spec.name: spec for spec in loki_bench_recommenders()}
QUICK = {
    "bprmf": {"embedding_size": 8, "epochs": 40},
    "fpmc": {"embedding_size": 16, "epochs": 60},
    "transrec": {"embedding_size": 16, "epochs": 60},
}
GRU4REC = {
    "embedding_size": 16,
    "hidden_size": 16,
    "epochs": 40,
    "learning_rate": 0.02,
    "batch_size": 32,
}
SASREC = {
    "hidden_size": 16,
    "inner_size": 16,
    "n_layers": 1,
    "dropout": 0.1,
    "attention_dropout": 0.1,
    "epochs": 30,
    "learning_rate": 0.02,
    "batch_size": 64,
}


@parametrize_with_checks([SPECS[name] for name in QUICK], parameters=QUICK)
def test_the_quick_ones(check, subject):
    check(subject)


@pytest.mark.slow
@parametrize_with_checks([SPECS["gru4rec"]], parameters={"gru4rec": {**GRU4REC, "loss": "CE"}})
def test_gru4rec_with_cross_entropy(check, subject):
    check(subject)


@pytest.mark.slow
@parametrize_with_checks([SPECS["gru4rec"]], parameters={"gru4rec": {**GRU4REC, "loss": "BPR"}})
def test_gru4rec_with_a_pairwise_loss(check, subject):
    check(subject)


BERT4REC = {**SASREC, "hidden_size": 32, "learning_rate": 0.01, "epochs": 100, "mask_ratio": 0.2}
CASER = {"embedding_size": 16, "epochs": 40, "learning_rate": 0.02, "batch_size": 32}
LIGHTGCN = {"embedding_size": 8, "epochs": 60, "learning_rate": 0.02, "batch_size": 64}
NARM = {**GRU4REC, "epochs": 40}


@pytest.mark.slow
@parametrize_with_checks([SPECS["bert4rec"]], parameters={"bert4rec": BERT4REC})
def test_bert4rec(check, subject):
    check(subject)


@pytest.mark.slow
@parametrize_with_checks([SPECS["caser"]], parameters={"caser": CASER})
def test_caser(check, subject):
    check(subject)


@pytest.mark.slow
@parametrize_with_checks([SPECS["lightgcn"]], parameters={"lightgcn": LIGHTGCN})
def test_lightgcn(check, subject):
    check(subject)


@pytest.mark.slow
@parametrize_with_checks([SPECS["narm"]], parameters={"narm": NARM})
def test_narm(check, subject):
    check(subject)


@pytest.mark.slow
@parametrize_with_checks([SPECS["sasrec"]], parameters={"sasrec": {**SASREC, "loss": "CE"}})
def test_sasrec_with_cross_entropy(check, subject):
    check(subject)


@pytest.mark.slow
@parametrize_with_checks([SPECS["sasrec"]], parameters={"sasrec": {**SASREC, "loss": "BPR"}})
def test_sasrec_with_a_pairwise_loss(check, subject):
    check(subject)


def test_none_is_left_out():
    # `recbole` needs the name of a model: see test_any_model.py
    slow = {"bert4rec", "caser", "gru4rec", "lightgcn", "narm", "recbole", "sasrec"}
    assert {*QUICK, *slow} == set(SPECS)


def test_the_plugin_as_a_whole():
    [entry] = entry_points(group="loki_bench", name="recbole")
    found = list(run_checks([PluginSubject(entry=entry)]))
    assert len(found) == 6
    assert [result.detail for result in found if not result.ok] == []
