"""No interval that is published leaves its metric's range, and one number has one interval."""

import csv
import json
from pathlib import Path

import pytest

from loki_bench.audit.drawn import page_of, records_of
from loki_bench.fidelity.table import BOUNDS
from loki_bench.leaderboard.tabulation import tables_of
from loki_bench.records.opening import as_working_folder
from loki_bench.report.figure_data import lines, transfers

LEADERBOARDS = Path(__file__).parents[2] / "leaderboards"
FIDELITY = sorted(path.parent for path in LEADERBOARDS.glob("fidelity/*/leaderboard.json"))
"""Tables of estimators; some were published without records."""
FOLDERS = sorted({path.parent for path in LEADERBOARDS.rglob("manifest.json")} - set(FIDELITY))

each = pytest.mark.parametrize(
    "folder", [pytest.param(f, id=f.relative_to(LEADERBOARDS).as_posix()) for f in FOLDERS]
)


def within(value, bounds):
    least, greatest = bounds
    assert value["low"] <= value["mean"] <= value["high"]
    assert least is None or value["low"] >= least
    assert greatest is None or value["high"] <= greatest


def difference(bounds):
    least, greatest = bounds
    return (None, None) if None in bounds else (least - greatest, greatest - least)


@pytest.mark.parametrize("folder", FIDELITY, ids=lambda folder: folder.name)
def test_no_published_table_of_estimators_has_one_either(folder):
    content = json.loads((folder / "leaderboard.json").read_bytes())
    measures = [
        measure
        for table in content["tables"]
        for listed in (table["ceilings"], *(row["measures"] for row in table["rows"]))
        for measure in listed
    ]
    assert len(measures) > 10
    for measure in measures:
        within(measure, BOUNDS[measure["statistic"]])


@each
def test_no_published_table_has_an_interval_outside_of_its_metrics_range(folder):
    content = json.loads((folder / "leaderboard.json").read_bytes())
    found = {}
    for table in content["tables"]:
        ranges = {column["label"]: column["range"] for column in table["columns"]}
        main = table["columns"][0]
        for row in table["rows"]:
            for label, value in row["metrics"].items():
                if value is not None:
                    within(value, ranges[label])
            for name in ("gain", "behind", "placebo_effect"):
                if row[name] is not None:
                    within(row[name], difference(main["range"]))
            value = row["metrics"][main["label"]]
            key = (row["victim"], row["fake_users"], row["actions"], row["defense"])
            found[(*key, row["attacker"], row["simulator"], row["placebo"])] = value
        for pair in table["pairs"]:
            within(pair["difference"], difference(main["range"]))
        for series in table["series"]:
            within(series["area"], main["range"])
            if series["half_ceiling"] is not None:
                within(series["half_ceiling"], (series["shares"][0], series["shares"][-1]))
    for line in csv.DictReader((folder / "leaderboard.csv").read_text("utf-8").splitlines()):
        actions = line["actions"] if line["actions"] == "genuine" else int(line["actions"])
        key = (line["victim"], float(line["fake_users"]), actions, line["defense"])
        value = found[(*key, line["attacker"], line["simulator"], line["placebo"] == "1")]
        if line["rank"]:  # only the main metric has one
            assert [float(line[name]) for name in ("mean", "low", "high")] == [
                value[name] for name in ("mean", "low", "high")
            ]


@pytest.mark.slow
@each
def test_page_and_figures_have_the_intervals_of_the_table(folder):
    with as_working_folder(folder, artefacts=False) as working:
        manifest, records = records_of(working)
        text = page_of(working)
    tables = tables_of(records, manifest.missing, metrics=manifest.metrics)
    data = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    seen = {
        (r["t"], *(r[key] for key in ("victim", "share", "actions", "defense", "attack",
                                      "simulator", "placebo"))): r
        for r in data["rows"]
    }  # fmt: skip
    for number, table in enumerate(tables):
        own = [row.metrics[table.columns[0].label] for row in table.rows]
        for row in table.rows:
            key = (row.victim, row.fake_users, row.actions, row.defense, row.attacker)
            found = seen.get((number, *key, row.simulator, row.placebo))
            if found is None:  # a placebo stands in the row of its attack
                assert row.placebo
                continue
            for column, value in zip(table.columns, found["metrics"], strict=True):
                expected = row.metrics[column.label]
                if value is not None:
                    ends = (expected.mean, expected.low, expected.high)
                    assert value == pytest.approx(ends, rel=1e-5)
                    within(dict(zip(("mean", "low", "high"), value, strict=True)), column.range)
        drawn = [
            value
            for over in ("victim", "fake_users", "actions")
            for line in lines(table, over)
            for value in line.y
        ]
        drawn += [value for one in transfers(table) for value in one.values.values()]
        assert drawn
        assert all(value in own for value in drawn)
