"""What the distribution declares."""

import subprocess
import sys

import numpy as np
import pytest

from loki_bench.contracts import DifferentiableRecommender, FactorRecommender
from loki_bench.errors import ParameterError, PluginError
from loki_bench.interactions import Interactions
from loki_bench_recbole import model_building
from loki_bench_recbole.hooks import loki_bench_recommenders


def test_the_recommenders_are_declared_and_can_be_built():
    specs = {spec.name: spec for spec in loki_bench_recommenders()}
    assert list(specs) == [
        "bert4rec",
        "bprmf",
        "caser",
        "fpmc",
        "gru4rec",
        "lightgcn",
        "narm",
        "recbole",
        "sasrec",
        "transrec",
    ]
    assert [name for name in specs if not specs[name].uses_order] == ["bprmf", "lightgcn"]
    assert [name for name in specs if not specs[name].differentiable] == [
        "bert4rec",
        "lightgcn",
        "recbole",
    ]
    for spec in specs.values():
        model = spec.build({"epochs": 2, **({"model": "SRGNN"} if spec.name == "recbole" else {})})
        assert isinstance(model, DifferentiableRecommender) == spec.differentiable
        assert model.name == spec.name
        assert spec.reference
        if spec.name != "recbole":
            assert spec.model_class == f"recbole:{model.model_class.rpartition(':')[2]}"
    assert isinstance(specs["bprmf"].build(), FactorRecommender)
    assert isinstance(specs["fpmc"].build(), FactorRecommender)


def test_both_ends_of_every_search_space_can_be_built():
    for spec in loki_bench_recommenders():
        if spec.name == "recbole":  # each of its models has parameters of its own
            continue
        assert spec.search
        spec.build(
            {r.parameter: r.values[0] if hasattr(r, "values") else r.low for r in spec.search}
        )
        spec.build(
            {r.parameter: r.values[-1] if hasattr(r, "values") else r.high for r in spec.search}
        )


def test_an_unknown_parameter_is_named():
    [spec] = [spec for spec in loki_bench_recommenders() if spec.name == "bprmf"]
    with pytest.raises(ParameterError, match="did you mean 'embedding_size'"):
        spec.build({"embeding_size": 3})


def test_declaring_imports_nothing_heavy():
    code = (
        "import sys, loki_bench_recbole.hooks;"
        "print(sorted({'torch', 'numba', 'pandas', 'recbole'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_without_recbole_the_error_says_what_to_type(monkeypatch):
    monkeypatch.setitem(sys.modules, "recbole", None)
    for name in [name for name in sys.modules if name.startswith("recbole.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(PluginError, match=r"type: pip install .*recbole==1\.2\.1"):
        model_building.build_model(
            "recbole.model.general_recommender.bpr:BPR",
            {"embedding_size": 2},
            train=Interactions(np.zeros(2, np.int64), np.empty(0, np.int32), n_items=2),
            max_length=1,
            seed=0,
        )
