"""What a fidelity run says of a recommender that it can't use."""

import pytest
from planted import planted_users
from popularity import Popularity

from loki_bench.errors import InvalidAnswerError
from loki_bench.fidelity.case import Case
from loki_bench.fidelity.jobs import measure_truth
from loki_bench.fidelity.suite import DesignTable, SampleTable
from loki_bench.suite.cell import DatasetRef
from loki_bench.suite.components import ComponentRef


def component(name, target):
    return ComponentRef(
        name=name, distribution="here", version="1", target=target, parameters={}, changed={}
    )


@pytest.fixture
def case(monkeypatch):
    import sys
    import types

    module = types.ModuleType("only_popularity")
    module.Popularity = Popularity
    monkeypatch.setitem(sys.modules, "only_popularity", module)
    return Case(
        dataset=DatasetRef(
            component=component("data", "a:b"), fingerprint="f", n_users=1, n_items=1, n_events=1
        ),
        sample=SampleTable(),
        design=DesignTable(n_target_users=5, popularity=[1, 100], length=4, n_per_stratum=1),
        recommender=component("popularity", "only_popularity:Popularity"),
        truth="warm",
        victim=None,
        repeats=1,
        seed=0,
        goal=0,
    )


@pytest.mark.parametrize("truth", ["warm", "reshuffled"])
def test_a_recommender_that_cannot_be_differentiated_is_named_with_what_to_do(case, truth):
    with pytest.raises(InvalidAnswerError, match="choose another"):
        measure_truth(planted_users(), case.model_copy(update={"truth": truth}))
