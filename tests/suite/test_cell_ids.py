"""Ids of what ran before a key existed stay as they were; other values of it give others."""

import json

import pytest
from pydantic import ValidationError

from loki_bench.content_ids import canonical_json
from loki_bench.suite.cell import Cell
from loki_bench.suite.suite import Suite


def component(name, **parameters):
    about = {"name": name, "distribution": "made-up", "version": "1", "target": "m:C"}
    return {**about, "parameters": parameters, "changed": {}}


CONTENT = {
    "protocol_version": 2,
    "dataset": {
        "component": component("d"),
        "fingerprint": "f" * 64,
        "n_users": 60,
        "n_items": 30,
        "n_events": 600,
    },
    "protocol": {
        "n_targets": 3,
        "n_target_users": 10,
        "goal": "promote",
        "targets": [],
        "target_users": [],
    },
    "budget": {"fake_users": 0.2, "n_fake_users": 12, "actions": 5},
    "victim": component("v", epochs=5),
    "attacker": component("a"),
    "simulator": "all",
    "surrogates": [{"recommender": component("s"), "weight": 1.0}],
    "influence": None,
    "oracle": {"queries": 5, "list_length": 10},
    "sees_history": True,
    "isolation": "process",
    "seed": 1,
    "defense": component("w"),
}


def cell_with(**protocol):
    content = {**CONTENT, "protocol": {**CONTENT["protocol"], **protocol}}
    return Cell.model_validate_json(json.dumps(content))


def cell_that(**changes):
    return Cell.model_validate_json(json.dumps({**CONTENT, **changes}))


def ids_of(cell):
    return [
        cell.id,
        cell.craft_id,
        cell.prepared_id,
        cell.lists_id,
        cell.surrogate_id(cell.surrogates[0]),
        cell.defense_id("p"),
        cell.evaluation_id("t"),
    ]


def test_the_ids_and_the_text_of_a_cell_are_those_before_splits_and_repeats():
    # as the version before these keys answered
    assert ids_of(cell_with()) == [
        "f6c57d25a6683e66fb4f06acc28f383e97c84419bdd434a567a222008e2cfeda",
        "1fd26db9982c618bb66d560f3a0072d8094bee660032764c26fa5bc3e6a8f1ac",
        "e88c2787a978c2fccda7a689b8eb76ccdd4b6599edea9f9cc3586968aaaf859f",
        "0dea93fda10fd8ebd5e6bee9ee354ebfb77bd886eb18ebf98bfdd454f68a72f7",
        "4c06d1fc871c61a1a8bc60aa4de32217daec6dea3f23fd5bbc737edf7b42b1f1",
        "3e0c56529d5cddca2b7a7d968863059d63326d4078f0150a6b5b552a4537dddb",
        "a8361e93fefba049a365ea15c5fa7cc91684fbba2185035b28969703654fefce",
    ]
    text = canonical_json(cell_with())
    later = ("split", "repeats", "target_popularity", "key", "knowledge", "n_untargeted")
    later += ("evaluate_users",)
    assert not [key for key in later if f'"{key}"' in text]


def test_another_split_and_another_rule_for_repeats_are_other_data_in_every_id():
    split = {"name": "temporal", "cut": 5, "validation_cut": None, "sha256": "1" * 64}
    before = set(ids_of(cell_with()))
    for changed in ({"split": split}, {"repeats": "allow"}, {"repeats": "drop-later"}):
        assert not before & set(ids_of(cell_with(**changed)))


def test_a_sample_of_users_is_in_every_id_because_fits_are_stopped_by_it():
    assert not set(ids_of(cell_with())) & set(ids_of(cell_with(evaluate_users=50)))


def test_how_a_cut_was_written_enters_no_id():
    def split(cut):
        return {"name": "temporal", "cut": cut, "validation_cut": None, "sha256": "1" * 64}

    assert ids_of(cell_with(split=split("2014-01-01"))) == ids_of(cell_with(split=split(0.5)))


def test_the_popularity_of_targets_changes_the_attack_and_no_surrogate():
    head, uniform = cell_with(target_popularity="head"), cell_with()
    assert head.id != uniform.id
    assert head.lists_id == uniform.lists_id
    assert cell_with(target_popularity="uniform").id == uniform.id


def test_a_cell_is_read_again_as_it_was_written():
    split = {"name": "temporal", "cut": "2014-01-01", "validation_cut": None, "sha256": "1" * 64}
    cell = cell_with(split=split, repeats="allow", target_popularity="tail")
    again = Cell.model_validate_json(cell.model_dump_json())
    assert again == cell
    assert again.id == cell.id


def test_a_date_of_toml_is_a_cut():
    import datetime

    suite = Suite.model_validate(
        {
            "name": "s",
            "seeds": [0],
            "victims": ["v"],
            "attackers": ["none"],
            "metrics": ["hr@1"],
            "dataset": "d",
            "split": {"name": "temporal", "cut": datetime.date(2014, 1, 1)},
        }
    )
    assert suite.split.cut == "2014-01-01"


def test_a_run_key_is_in_every_id_and_in_the_record():
    key = "0" * 31 + "1"
    public, keyed = cell_with(), cell_with(key=key)
    assert not set(ids_of(public)) & set(ids_of(keyed))
    assert (public.key, keyed.key) == ("", key)
    assert json.loads(canonical_json(keyed))["protocol"]["key"] == key
    assert keyed.seed_of("victim/v") != public.seed_of("victim/v")


def test_what_an_attacker_knows_changes_its_attack_and_surrogates_and_no_victim():
    def address_of(cell):
        return (cell.lists_id, cell.defense_id("p"), cell.evaluation_id("t"))

    def attack_of(cell):
        surrogate = cell.surrogate_id(cell.surrogates[0])
        return {cell.id, cell.craft_id, cell.prepared_id, surrogate}

    cells = [
        cell_that(),
        cell_that(knowledge={"until": "T-2", "users": 1.0}),
        cell_that(knowledge={"until": "T-1", "users": 0.5}),
    ]
    assert len({address_of(cell) for cell in cells}) == 1
    assert len(set().union(*map(attack_of, cells))) == 4 * len(cells)


def test_users_who_were_not_targeted_are_ranked_with_the_victim_and_change_no_attack():
    plain, wider = ids_of(cell_that()), ids_of(cell_that(n_untargeted=200))
    differs = [a != b for a, b in zip(plain, wider, strict=True)]
    # the cell and its ranks alone
    assert differs == [True, False, False, False, False, False, True]


def test_a_surrogate_belongs_to_its_target_users_where_their_events_are_hidden():
    hidden = {"knowledge": {"until": "T-2", "users": 1.0}}
    ids = {
        cell.surrogate_id(cell.surrogates[0])
        for cell in (
            cell_that(**hidden),
            cell_that(**hidden, protocol={**CONTENT["protocol"], "target_users": ["u1"]}),
        )
    }
    assert len(ids) == 2


def test_a_cell_that_takes_no_knowledge_away_does_not_say_so():
    with pytest.raises(ValidationError, match="has no knowledge written down"):
        cell_that(knowledge={"until": "T-1", "users": 1.0})
    cell = cell_that(knowledge={"until": "T-3", "users": 0.5})
    assert Cell.model_validate_json(cell.model_dump_json()) == cell
    assert cell.attack_label == "a(until=T-3, users=50 %)"
