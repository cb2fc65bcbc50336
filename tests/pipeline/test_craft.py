"""What an attacker is told of its surrogates."""

from loki_bench.pipeline.craft import surrogate_names
from loki_bench.suite.cell import SurrogateRef
from loki_bench.suite.components import ComponentRef


def lent(name, **changed):
    recommender = ComponentRef(
        name=name, distribution="d", version="1", target="m:C", parameters=changed, changed=changed
    )
    return SurrogateRef(recommender=recommender, weight=1.0)


def test_surrogates_of_one_recommender_are_told_apart_by_what_was_changed():
    assert surrogate_names([lent("bprmf"), lent("fpmc", epochs=3)]) == ["bprmf", "fpmc"]
    two = [lent("gru4rec"), lent("bprmf"), lent("gru4rec", loss="BPR")]
    assert surrogate_names(two) == ["gru4rec", "bprmf", "gru4rec(loss=BPR)"]
    assert surrogate_names([lent("bprmf")] * 3) == ["bprmf", "bprmf no. 2", "bprmf no. 3"]
