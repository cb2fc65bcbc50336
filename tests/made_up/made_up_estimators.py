"""A small leaderboard of influence estimators whose numbers are made up."""

from loki_bench.fidelity.case import FIDELITY_VERSION, EstimatorRef, FidelityGrid
from loki_bench.fidelity.folder import write_fidelity
from loki_bench.fidelity.suite import DesignTable, SampleTable
from loki_bench.records.store import Store
from loki_bench.suite.cell import DatasetRef
from loki_bench.suite.components import ComponentRef

__all__ = ["estimators"]

GUESSES = {"good": 1.5, "bad": -1.0}


def estimators(folder):
    """A leaderboard of estimators, its numbers made up."""

    def component(name):
        return ComponentRef(
            name=name, distribution="here", version="1", target="a:B", parameters={}, changed={}
        )

    judged = [EstimatorRef(estimator=component(name), control=name == "bad") for name in GUESSES]
    grid = FidelityGrid(
        suite="fidelity",
        summary="Made up",
        dataset=DatasetRef(
            component=component("data"), fingerprint="0" * 64, n_users=9, n_items=9, n_events=99
        ),
        sample=SampleTable(),
        design=DesignTable(),
        recommenders=(component("one"), component("two")),
        truths=("warm", "cold"),
        victims=(),
        repeats=1,
        seeds=(0,),
        goals=2,
        judged=tuple(judged),
    )
    store = Store(folder, warn=print)
    ended = {"schema": 1, "fidelity_version": FIDELITY_VERSION, "status": "ok", "reason": ""}
    values = {"single": [0.5, 1.0, -2.0, 4.0], "group 1 %": [1.0, 2.0, 3.0]}
    strata = {"single": ["a", "a", "b", "b"], "group 1 %": ["a", "b", "c"]}
    for case in grid.cases:
        truth = {"values": values, "strata": strata, "target_clicks": values, "retest": None}
        if case.truth == "cold":
            truth["retest"] = values
        store.write_json("records", case.truth_id, {**ended, **truth, "largest_gradient": 0.1})
        store.write_json("runs", case.truth_id, {"environment": {}, "costs": {"seconds": 1.0}})
        for one in judged:
            share = GUESSES[one.estimator.name]
            guessed = {name: [share * value for value in row] for name, row in values.items()}
            answer = {"values": guessed, "report": {"rounds": 3}, "invariance": {"batch": 0.0}}
            address = case.prediction_id(one)
            if one.control and case.goal == 1:
                failed = {**ended, "status": "failed", "reason": "it raised"}
                store.write_json("records", address, failed)
                continue
            store.write_json("records", address, {**ended, **answer})
            costs = {"fit_seconds": 1.0, "score_seconds": 2.0, "peak_memory_bytes": 3.0}
            store.write_json("runs", address, {"environment": {}, "costs": costs})
    write_fidelity(store, grid)
