"""What a defense, a third party's victim or metric was not kept from is in the record."""

import pytest

from loki_bench.pipeline.defend import DefenseCodec
from loki_bench.pipeline.retrain import VictimRanksCodec
from loki_bench.records.schema import Record
from loki_bench.sandbox import messages
from loki_bench.sandbox.confinement import confinement_of

SUITE = {
    "seeds": [0],
    "attackers": ["random"],
    "metrics": ["display_rate@5", "mean-target-rank"],
    "defenses": ["drops-jumpers"],
    "isolation": "process",
}
ALL = {"reads", "writes", "attributes", "network", "signals", "children", "user"}


@pytest.fixture
def without_network(monkeypatch):
    """Every process says that nothing keeps it from the network."""

    def told(confinement):
        return confinement_of({**confinement, "network": []})

    monkeypatch.setattr(messages, "confinement_of", told)


def test_a_whole_confinement_leaves_no_word_and_no_byte(tmp_path, prepared, run, files):
    one = prepared(**{**SUITE, "isolation": "in-process"})
    store, _ = run(one, tmp_path)
    [record] = store.records(one.grid.cells).values()
    assert (record.confinement, record.others_confinement) == (None, None)
    assert not any(b"others_confinement" in content for content in files(store).values())


def test_a_defense_that_trains_the_victim_is_judged_with_it(
    tmp_path, prepared, run, without_network
):
    made = prepared(**{**SUITE, "metrics": ["display_rate@5"], "defenses": ["trains"]})
    store, _ = run(made, tmp_path)
    [record] = store.records(made.grid.cells).values()
    assert record.status == "ok", record.reason
    assert set(record.others_confinement) == {"victim"}
    assert set(record.others_confinement["victim"]) < ALL
    timings = store.read_json("runs", record.id)["timings"]
    assert timings["attack"]["confined"].startswith("partial: without")


def test_victim_defense_and_metric_are_named_with_what_was_in_force(
    tmp_path, prepared, run, without_network
):
    made = prepared(**SUITE)
    store, _ = run(made, tmp_path)
    [record] = store.records(made.grid.cells).values()
    assert record.status == "ok", record.reason
    assert set(record.others_confinement) == {"victim", "defense", "metric mean-target-rank"}
    for names in [record.confinement, *record.others_confinement.values()]:
        assert "network" not in names
        assert set(names) < ALL
    assert Record.from_text(record.to_text()) == record
    again = store.read(VictimRanksCodec(), record.artefacts.ranks)
    assert set(again.confinement) == set(record.others_confinement["victim"])
    again = store.read(DefenseCodec(), record.artefacts.defense)
    assert set(again.confinement) == set(record.others_confinement["defense"])
