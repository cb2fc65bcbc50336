"""A record is read as it was written, and whatever else comes is refused in one sentence."""

import contextlib
import copy
import json
import random

import pytest
from made_up_records import made_up_cell, made_up_record, made_up_result, with_value

from loki_bench.errors import StoreError
from loki_bench.plain_data import LARGEST_INTEGER, MOST_DEPTH, checked_plain
from loki_bench.records.schema import Artefacts, Record, Reports

CELL = made_up_cell("loki", "bprmf")
RECORD = made_up_result(
    CELL,
    {"target_rank": 12.5, "display_rate@10": 0.25, "hr@10": None},
    fake_lengths={15: 30},
    report={"group_sequence": ["targets"], "anything": [1, {"deep": None}]},
)


def schema_3(**changes):
    """As schema 3 wrote it."""
    cell = CELL.model_dump(mode="json")
    del cell["is_baseline"]
    return {
        "schema": 3,
        "id": CELL.id,
        "cell": cell,
        "status": "ok",
        "reason": "",
        "metrics": {
            "display_any@10": 0.75,
            "display_rate@10": 0.1 + 0.2,
            "genuine_harmed": 0.0,
            "length_distance": None,
            "target_rank": 13.0,
        },
        "ceilings": {"display_rate@10": 0.5},
        "goal": {"items": [3, 5], "users": [7]},
        "spent": {
            "fake_users": 1,
            "events": 2,
            "events_on_targets": 1,
            "queries": 0,
            "surrogate_fits": 0,
        },
        "lengths": {"genuine": {"3": 6, "20": 2}, "fake": {"15": 1}},
        "canary": {"training_samples": 9, "training_samples_from_fake_users": 2},
        "artefacts": dict.fromkeys(("poison", "poison_digest", "ranks", "clean_ranks"), "b" * 64),
        "reports": {"attacker": {"x": 1}, "victim": {"epochs": 40.0}},
        "defended": {
            "fake_users_kept": 0,
            "genuine_users_dropped": 1,
            "clean_users_dropped": 2,
            "report": {"cut": 0.5},
            "clean_report": {},
        },
        **changes,
    }


def test_a_record_is_read_as_it_was_written():
    assert Record.parse(RECORD.to_json()) == RECORD
    assert Record.from_text(RECORD.to_text()) == RECORD
    assert Record.from_text(RECORD.to_text().encode()).to_text() == RECORD.to_text()
    failed = made_up_record(CELL, "failed")
    assert Record.parse(failed.to_json()) == failed


def test_metrics_keep_their_order_and_every_bit_of_a_value():
    record = Record.from_text(with_value(RECORD, "display_rate@10", 0.1 + 0.2).to_text())
    assert [metric.label for metric in record.metrics] == [
        "target_rank",
        "display_rate@10",
        "hr@10",
    ]
    assert record.value("display_rate@10") == 0.30000000000000004
    assert record.value("hr@10") is None
    assert record.metric("hr@10") is not None
    assert record.value("ndcg@10") is record.metric("ndcg@10") is None


def test_schema_3_is_read_with_what_its_metrics_specs_said():
    record = Record.parse(schema_3())
    told = {m.label: (m.value, m.higher_is, m.purpose, m.unit, m.ceiling) for m in record.metrics}
    attacker, platform = "better for the attacker", "better for the platform"
    assert told == {
        "display_rate@10": (0.1 + 0.2, attacker, "attack", "share", 0.5),
        "user_display_rate@10": (0.75, attacker, "attack", "share", None),
        "target_rank": (13.0, platform, "attack", "rank", None),
        "length_ks": (None, platform, "stealth", "distance", None),
        "false_positive_rate": (0.0, attacker, "detection", "share", None),
    }
    assert record.metrics[0].label == "display_rate@10"  # what headed a table then
    assert record.metric("target_rank").range == (1.0, None)
    assert record.cell == CELL
    assert (record.lengths.genuine, record.lengths.fake) == ({3: 6, 20: 2}, {15: 1})
    assert record.defense.clean_users_dropped == 2
    assert Record.parse(record.to_json()) == record


def test_schema_3_turns_directions_round_for_an_attack_that_demotes():
    content = schema_3(metrics={"demotion_rate@10": 0.5, "display_rate@10": 0.1, "hr@10": 0.2})
    content["cell"]["protocol"]["goal"] = "demote"
    metrics = Record.parse(content).metrics
    assert [(m.label, m.higher_is) for m in metrics] == [
        ("demotion_rate@10", "better for the attacker"),
        ("display_rate@10", "better for the platform"),
        ("hr@10", "better for the platform"),
    ]


@pytest.mark.parametrize(
    ("name", "distribution", "changed", "is_baseline"),
    [
        ("random", "loki-bench", {}, True),
        ("random", "loki-bench", {"n": 3}, False),
        ("random", "somebody-elses", {}, False),
        ("loki", "loki-bench", {}, False),
    ],
)
def test_schema_3_knows_the_baselines(name, distribution, changed, is_baseline):
    content = schema_3()
    content["cell"]["attacker"] |= {
        "name": name,
        "distribution": distribution,
        "changed": changed,
        "parameters": changed,
    }
    assert Record.parse(content).cell.is_baseline == is_baseline


def test_schema_3_does_not_say_how_to_read_a_third_partys_metric():
    with pytest.raises(StoreError, match=r"metric 'mine@3'.* run the suite again: metrics are mea"):
        Record.parse(schema_3(metrics={"mine@3": 0.5}))


@pytest.mark.parametrize("version", [1, 2, 5, "4", 4.0, True, None])
def test_another_schema_is_refused_by_its_number(version):
    with pytest.raises(StoreError, match=r"its schema is .*; expected 4 or 3: run the suite again"):
        Record.parse({**RECORD.to_json(), "schema": version})


def changed(path, value):
    content = copy.deepcopy(RECORD.to_json())
    inner = content
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return content


DEEP = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        (("metrics", 0, "value"), float("nan"), "it holds the number nan"),
        (("metrics", 0, "value"), 10**400, "it holds a whole number of more than 64 bits"),
        (("metrics", 0, "value"), "0.5", r"key 'metrics\.0\.value': .* number, got '0\.5'"),
        (("metrics", 0, "higher_is"), "worse", r"key 'metrics\.0\.higher_is': .*got 'worse'"),
        (("metrics", 1, "label"), "target_rank", "a metric is listed twice"),
        (
            ("metrics", 1, "label"),
            "gain",
            "the label 'gain' of a metric is what a column",
        ),
        (("metrics",), [], "lacks a part of its result"),
        (("spent",), None, "lacks a part of its result"),
        (("status",), "failed", "a record with the status 'failed' has a result"),
        (("status",), "missing", "key 'status'"),
        (("id",), "../../etc/passwd", "key 'id'"),
        (("artefacts", "ranks"), "../x", r"key 'artefacts\.ranks'"),
        (("artefacts", "of_a_third_party"), "../x", r"key 'artefacts\.of_a_third_party'"),
        (("cell", "seed"), "0", r"key 'cell\.seed'"),
        (("cell", "more"), 1, r"key 'cell\.more'"),
        (("lengths", "fake"), {"many": 1}, r"key 'lengths\.fake\.many"),
        (("reports", "attacker"), DEEP, "nested more than 35 levels deep"),
        (("reason",), "\ud800", "it is no record"),
        (("reports", "attacker"), {"a": {1, 2}}, "set is no JSON"),
    ],
)
def test_what_does_not_fit_is_named(path, value, why):
    with pytest.raises(StoreError, match=why) as caught:
        Record.parse(changed(path, value))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def nested(depth):
    report = {}
    for _ in range(depth):
        report = {"a": report}
    return report


@pytest.mark.parametrize(
    "report", [nested(MOST_DEPTH), {"a": -LARGEST_INTEGER}, {"a": LARGEST_INTEGER - 1}]
)
def test_whatever_report_is_taken_is_read_again(report):
    assert checked_plain(report) == report
    reports = RECORD.reports.model_copy(update={"attacker": report})
    text = RECORD.model_copy(update={"reports": reports}).to_text()
    assert Record.from_text(text).reports.attacker == report


@pytest.mark.parametrize("report", [nested(MOST_DEPTH + 1), {"a": LARGEST_INTEGER}])
def test_a_report_that_no_record_could_hold_is_refused(report):
    with pytest.raises(ValueError, match=r"nested deeper|more than 64 bits"):
        checked_plain(report)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"schema": 4}', b"1" * 9_000]
)
def test_text_that_is_no_record_is_refused(text):
    with pytest.raises(StoreError, match=r"it is no record|its schema is"):
        Record.from_text(text)


def test_a_part_that_is_missing_is_named():
    content = RECORD.to_json()
    del content["cell"]["victim"]
    with pytest.raises(StoreError, match=r"key 'cell\.victim': field required"):
        Record.parse(content)


PIECES = (
    None,
    True,
    -1,
    0,
    1.5,
    float("nan"),
    float("-inf"),
    2**63,
    10**400,
    "",
    "ok",
    "x" * 10_000,
    "\ud800",
    [],
    [None],
    {},
    {"": {}},
    {"name": []},
    DEEP,
    b"bytes",
)


def places(value, path=()):
    """The path of every value in nested JSON, some levels deep."""
    yield path
    inner = {dict: lambda: value.items(), list: lambda: enumerate(value)}.get(type(value))
    if inner is not None and len(path) < 8:
        for key, part in inner():
            yield from places(part, (*path, key))


def mutant(content, draw):
    """One to three changes: a value replaced, a key dropped, renamed or added."""
    content = copy.deepcopy(content)
    for _ in range(draw.randint(1, 3)):
        path = draw.choice([p for p in places(content) if p] or [()])
        if not path:
            return draw.choice(PIECES)
        inner = content
        for part in path[:-1]:
            inner = inner[part]
        what = draw.randrange(4)
        if what == 0:
            del inner[path[-1]]
        elif what == 1 and isinstance(inner, dict):
            inner[draw.choice(("extra", "", "value", "schema"))] = inner.pop(path[-1])
        elif what == 2 and isinstance(inner, list):
            inner.append(inner[path[-1]])
        else:
            inner[path[-1]] = draw.choice(PIECES)
    return content


def why_refused(content):
    """The sentence; nothing for a record, which is then read as it is written."""
    try:
        record = Record.parse(content)
    except StoreError as error:
        return str(error)
    assert Record.from_text(record.to_text()) == record
    return ""


@pytest.mark.parametrize("whole", [RECORD.to_json(), schema_3()], ids=["schema 4", "schema 3"])
def test_500_mutants_are_read_or_refused_and_nothing_else(whole):
    draw = random.Random(4)  # noqa: S311
    said = [why_refused(mutant(whole, draw)) for _ in range(500)]
    refused = [sentence for sentence in said if sentence]
    assert 300 < len(refused) < 500  # some changes are in free text and reports
    assert not any("\n" in sentence for sentence in refused)


def test_500_damaged_texts_are_read_or_refused_and_nothing_else():
    draw = random.Random(5)  # noqa: S311
    whole = RECORD.to_text().encode()
    for _ in range(500):
        damaged = bytearray(whole)
        for _ in range(draw.randint(1, 8)):
            damaged[draw.randrange(len(damaged))] = draw.choice(
                b'{}[]",:-.0123456789eENatrufls\xff\\'
            )
        with contextlib.suppress(StoreError):
            Record.from_text(bytes(damaged))


def test_artefacts_are_named_with_their_addresses_and_without_digests():
    artefacts = Artefacts(
        poison="a" * 64, poison_digest="b" * 64, ranks="c" * 64, clean_ranks="d" * 64, mine="e" * 64
    )
    record = RECORD.model_copy(update={"artefacts": artefacts})
    assert made_up_record(CELL, "failed").artefact_addresses == {}
    assert record.artefact_addresses == {
        "poison": "a" * 64,
        "ranks": "c" * 64,
        "clean_ranks": "d" * 64,
        "mine": "e" * 64,
    }


def test_what_an_attacker_reports_is_read_where_it_can_be():
    told = Reports(attacker={"group_sequence": "no list", "learning_curve": [1]}, victim={})
    assert told.group_sequence is told.learning_curve is None
    curve = {"mean_return": [0.5, 1.0], "loss": "unread"}
    told = Reports(attacker={"group_sequence": ["a"], "learning_curve": curve}, victim={})
    assert told.group_sequence == ("a",)
    assert told.learning_curve.mean_return == (0.5, 1.0)


def test_the_text_is_canonical_json_without_anything_of_this_machine():
    text = RECORD.to_text()
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=1, ensure_ascii=False) + "\n"
