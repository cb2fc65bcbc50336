"""Frames hold what the tables hold, and the values behind them, a row each."""

import io
import math
import re

import pandas
import pytest
from made_up_records import made_up_cell, made_up_record, made_up_result

from loki_bench.leaderboard.frames import (
    PER_SEED_COLUMNS,
    cells_frame,
    frame_of,
    per_seed_frame,
    write_frame,
)
from loki_bench.leaderboard.grouped_table import grouped_table
from loki_bench.leaderboard.rendering import as_csv
from loki_bench.leaderboard.tabulation import tables_of
from loki_bench.plugins.metric_labels import TAKEN
from loki_bench.report.page_columns import columns_of

KEY = "a" * 32
METRICS = ("display_rate@10", "hr@10")


def record(value, attacker, seed, *, status="ok", reason="", hr=0.5):
    cell = made_up_cell(attacker, "bprmf", seed=seed)
    if status != "ok":
        return made_up_record(cell, status, reason)
    fakes = None if attacker == "none" else 9
    return made_up_result(cell, {"display_rate@10": value, "hr@10": hr}, fakes=fakes)


RECORDS = [
    record(0.1, "none", 0),
    record(0.1, "none", 1, hr=None),
    record(0.3, "covisit", 0),
    record(0.5, "covisit", 1),
]


def test_a_frame_has_a_row_for_each_row_of_the_tables_in_their_order():
    frame = frame_of(tables_of(RECORDS))
    assert frame["attacker"].tolist() == ["covisit", "none"]
    covisit, none = frame.to_dict("records")
    assert {key: covisit[key] for key in ("dataset", "victim", "fake_users", "actions")} == {
        "dataset": "made-up",
        "victim": "bprmf",
        "fake_users": 0.03,
        "actions": 15,
    }
    assert covisit["n_seeds"] == 2
    assert covisit["display_rate@10"] == pytest.approx(0.4)
    # the difference is 0.2 at one seed and 0.4 at the other: t of one degree of freedom, 12.7062
    assert covisit["gain"] == pytest.approx(0.3)
    assert covisit["gain_high"] - covisit["gain"] == pytest.approx(12.7062 * 0.1, rel=1e-5)
    assert (covisit["rank"], covisit["poison_samples"]) == (1, 9)
    assert math.isnan(none["gain"])  # it is the baseline
    assert math.isnan(none["p_value"])
    assert math.isnan(none["poison_samples"])
    assert none["hr@10"] == 0.5  # of the one seed that has a value


def test_rows_of_two_run_keys_are_told_apart():
    cells = [
        made_up_cell("covisit", "bprmf", protocol={"goal": "promote", "key": key})
        for key in ("", KEY)
    ]
    found = [made_up_result(cell, {"display_rate@10": 0.5}, fakes=9) for cell in cells]
    tables = tables_of(found)
    expected = ["", KEY]
    assert sorted(frame_of(tables)["run_key"]) == expected
    assert sorted(cells_frame(found, [], ["display_rate@10"])["run_key"]) == expected
    assert sorted(per_seed_frame(found, [], ["display_rate@10"])["run_key"]) == expected
    written = pandas.read_csv(io.StringIO(as_csv(tables)), keep_default_na=False)
    assert sorted(written["run_key"]) == expected
    assert "run_key" not in as_csv(tables_of(RECORDS)).splitlines()[0]


def test_the_number_of_seeds_is_of_those_that_have_the_main_metric():
    records = [*RECORDS, record(None, "none", 2), record(None, "covisit", 2)]
    assert frame_of(tables_of(records))["n_seeds"].tolist() == [2, 2]


def test_no_column_has_a_name_that_a_metric_can_have():
    tables = tables_of(RECORDS)
    named = {*frame_of(tables), *cells_frame(RECORDS, [], METRICS), *PER_SEED_COLUMNS}
    named |= {column.id for column in columns_of(tables[0])}
    for line in grouped_table(tables[0])[-1].splitlines()[:1]:
        named |= {head.strip() for head in line.split("|")}
    named = {name for name in named if not name.startswith(METRICS)}
    could_be = {name for name in named if re.fullmatch("[a-z0-9]+([-_.][a-z0-9]+)*", name)}
    assert {"rank", "gain", "gain_low", "failed", "p", "attack"} <= could_be
    assert [name for name in sorted(could_be) if not TAKEN.fullmatch(name)] == []


def test_every_number_of_a_frame_is_a_number():
    frame = frame_of(tables_of(RECORDS))
    texts = {"dataset", "victim", "defense", "attacker", "simulator", "run_key"}
    assert {name for name in frame if frame[name].dtype.kind not in "ifb"} == texts


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_numbers_of_actions_beside_genuine_ones_are_text_and_can_be_written(tmp_path, ending):
    cells = [made_up_cell("covisit", "bprmf", actions=actions) for actions in (15, "genuine")]
    found = [made_up_result(cell, {"display_rate@10": 0.5}, fakes=9) for cell in cells]
    frame = cells_frame(found, [], ["display_rate@10"])
    write_frame(frame, tmp_path / f"cells.{ending}")
    read = pandas.read_csv if ending == "csv" else pandas.read_parquet
    assert read(tmp_path / f"cells.{ending}")["actions"].tolist() == ["15", "genuine"]
    of_tables = frame_of(tables_of(found))
    of_tables.to_parquet(tmp_path / "rows.parquet", index=False)
    assert sorted(of_tables["actions"]) == ["15", "genuine"]


def test_values_by_seed_have_a_row_for_each_cell_and_metric():
    missing = [made_up_cell("loki", "bprmf", seed=1)]
    failed = record(None, "random", 0, status="failed", reason="no idea")
    frame = per_seed_frame([*RECORDS, failed], missing, METRICS)
    assert tuple(frame) == PER_SEED_COLUMNS
    assert len(frame) == (4 + 1 + 1) * 2
    covisit = frame[(frame.attacker == "covisit") & (frame.metric == "display_rate@10")]
    assert dict(zip(covisit.seed, covisit.value, strict=True)) == {0: 0.3, 1: 0.5}
    assert covisit.cell.tolist() == [record.id for record in RECORDS[2:]]
    undefined = frame[(frame.attacker == "none") & (frame.seed == 1) & (frame.metric == "hr@10")]
    assert undefined.value.isna().tolist() == [True]
    assert undefined.status.tolist() == ["ok"]
    without = frame[frame.attacker.isin(["random", "loki"])]
    assert without.value.isna().all()
    assert set(zip(without.attacker, without.status, without.reason, strict=True)) == {
        ("random", "failed", "no idea"),
        ("loki", "missing", ""),
    }


def test_the_mean_of_the_values_by_seed_is_the_frames_value():
    values = per_seed_frame(RECORDS, [], METRICS).groupby(["attacker", "metric"]).value.mean()
    for row in frame_of(tables_of(RECORDS)).to_dict("records"):
        for metric in METRICS:
            assert row[metric] == pytest.approx(values[row["attacker"], metric])


def test_nothing_gives_frames_without_rows():
    assert len(frame_of([])) == 0
    assert len(per_seed_frame([], [], METRICS)) == 0
    assert tuple(per_seed_frame([], [], METRICS)) == PER_SEED_COLUMNS
