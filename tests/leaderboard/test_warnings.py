"""What a table warns of: attacks that nothing confined, rows that do not count, nothing to rank."""

import json

from made_up_records import made_up_cell, made_up_result

from loki_bench.leaderboard.rendering import as_json, as_text
from loki_bench.leaderboard.tabulation import tables_of
from loki_bench.leaderboard.warnings import warnings_of
from loki_bench.records.schema import Record

KEY = "00112233445566778899aabbccddeeff"
VALUES = {"none": 0.0, "random": 0.1, "mine": 0.4, "theirs": 0.5}


def records(attackers, *, key="", confinement=None, **cell):
    """Of two seeds; ``confinement`` is that of ``theirs``."""
    protocol = {"goal": "promote", "key": key}
    found = []
    for attacker in attackers:
        for seed in (0, 1):
            made = made_up_cell(attacker, "v", seed=seed, protocol=protocol, **cell)
            record = made_up_result(made, {"display_rate@10": VALUES[attacker] + seed / 100})
            if attacker == "theirs":
                record = record.model_copy(update={"confinement": confinement})
            found.append(record)
    return found


def ids_of(found, attacker):
    return [record.id for record in found if record.cell.attacker.name == attacker]


def ranked(table):
    """The attacks that have a rank."""
    return {row.attacker for row in table.rows if row.rank is not None}


def test_a_table_of_which_all_is_well_warns_of_nothing():
    [table] = tables_of(records(["none", "random", "mine"]))
    assert warnings_of(table) == []
    assert "seeds" not in table.about
    plain = json.loads(as_json("s", [table]))["tables"][0]["rows"]
    assert not any(name.startswith("not_") for row in plain for name in row)


def test_only_baselines_are_nothing_to_rank():
    [table] = tables_of(records(["none", "random"]))
    assert warnings_of(table) == ["Nothing to rank: no attack but baselines has a result"]


def test_what_did_not_confine_an_attack_is_in_record_row_and_note():
    partly = ("reads", "writes", "attributes", "signals", "children", "user")
    for confinement, said in (
        (partly, "§ theirs: confined in part (partial: without network)"),
        ((), "§ theirs: not confined"),
    ):
        found = records(["none", "random", "theirs"], confinement=confinement)
        assert all(Record.parse(record.to_json()) == record for record in found)
        [table] = tables_of(found)
        assert warnings_of(table) == [said]
        assert "theirs §" in as_text([table])
    assert "confinement" not in records(["none"])[0].to_json()


def test_what_did_not_confine_victim_defense_or_metrics_is_in_record_row_and_note():
    partly = ("reads", "writes", "attributes", "signals", "children", "user")
    others = {"victim": partly, "metric sum@5": (), "defense": ()}
    found = records(["none", "random", "mine"])
    found[-1] = found[-1].model_copy(update={"others_confinement": others})
    assert [Record.parse(record.to_json()) for record in found] == found
    [table] = tables_of(found)
    assert sorted(warnings_of(table)) == [
        "§ defense none, metric sum@5: not confined",
        "§ victim v: confined in part (partial: without network)",
    ]
    assert "mine §" in as_text([table])
    assert "random §" not in as_text([table])
    [row] = [r for r in json.loads(as_json("s", [table]))["tables"][0]["rows"]
             if r["attacker"] == "mine"]  # fmt: skip
    assert row["others_not_confined"]["metric sum@5"] == "not confined"
    assert "others_confinement" not in records(["none"])[0].to_json()


def test_a_handed_in_row_under_public_seeds_keeps_nobody_from_being_ranked():
    found = records(VALUES)
    [table] = tables_of(found)
    assert ranked(table) == {"theirs", "mine", "random", "none"}
    [table] = tables_of(found, handed_in=ids_of(found, "theirs"))
    assert ranked(table) == {"mine", "random", "none"}
    assert table.about["seeds"] == "public key"
    assert warnings_of(table) == [
        "Shown, not ranked: theirs on v: handed in, and measured with public seeds, which its "
        "author knew"
    ]
    [row] = [row for row in table.rows if row.attacker == "theirs"]
    assert row.p_value is None
    assert row.gain.mean == 0.5 - 0.1


def test_under_a_fresh_key_it_is_ranked_where_its_attack_was_fully_confined():
    for confinement, counts in ((None, True), (("reads",), False)):
        found = records(VALUES, key=KEY, confinement=confinement)
        [table] = tables_of(found, handed_in=ids_of(found, "theirs"))
        assert ("theirs" in ranked(table)) is counts
        assert table.about["seeds"] == f"fresh key {KEY}"
    found = records(VALUES, key=KEY, isolation="in-process")
    [table] = tables_of(found, handed_in=ids_of(found, "theirs"))
    assert "theirs" not in ranked(table)
    assert any("in-process" in said for said in warnings_of(table))


def test_two_keys_are_two_tables():
    tables = tables_of([*records(["none", "mine"]), *records(["none", "mine"], key=KEY)])
    assert [table.about.get("seeds") for table in tables] == [None, f"fresh key {KEY}"]
    assert all(ranked(table) == {"none", "mine"} for table in tables)
