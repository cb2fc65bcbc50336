"""Leaderboards of influence estimators are opened by every command that names a leaderboard."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from loki_bench.audit.comparison import compare
from loki_bench.audit.publication import publish
from loki_bench.audit.submission import submit
from loki_bench.audit.verification import verify
from loki_bench.cli.report import figures, report
from loki_bench.errors import StoreError
from loki_bench.fidelity.case import EstimatorRef, FidelityGrid
from loki_bench.fidelity.folder import read_grid, write_fidelity
from loki_bench.fidelity.suite import DesignTable, SampleTable
from loki_bench.plugins.registry import discover
from loki_bench.records.manifest import read_manifest, write_manifest
from loki_bench.records.opening import as_working_folder
from loki_bench.records.packed import is_packed
from loki_bench.records.store import Store
from loki_bench.suite.cell import DatasetRef
from loki_bench.suite.components import ComponentRef

ENOUGH = 10**9
TRUE = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def component(name):
    return ComponentRef(
        name=name, distribution="here", version="1", target="a:b", parameters={}, changed={}
    )


def grid(**changed):
    content = {
        "suite": "toy",
        "summary": "Toys",
        "dataset": DatasetRef(
            component=component("data"), fingerprint="f" * 64, n_users=9, n_items=9, n_events=99
        ),
        "sample": SampleTable(),
        "design": DesignTable(),
        "recommenders": (component("one"),),
        "truths": ("cold",),
        "victims": (),
        "repeats": 1,
        "seeds": (0,),
        "goals": 3,
        "judged": tuple(
            EstimatorRef(estimator=component(name), control=name == "bad")
            for name in ("good", "bad")
        ),
    }
    return FidelityGrid(**{**content, **changed})


def planted(folder, made, *, shift=0.0):
    """Records as a run leaves them: `good` ranks as the truth does, `bad` the other way round."""
    store = Store(folder, warn=print)
    head = {"schema": 1, "fidelity_version": 2, "status": "ok", "reason": ""}
    for case in made.cases:
        truth = {"single": [value + case.goal for value in TRUE]}
        store.write_json(
            "records",
            case.truth_id,
            {
                **head,
                "strata": {"single": ["all"] * 6},
                "values": truth,
                "retest": truth,
                "target_clicks": {"single": [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]},
                "largest_gradient": None,
            },
        )
        store.write_json("runs", case.truth_id, {"environment": {}, "costs": {"seconds": 1.5}})
        for judged in made.judged:
            sign = -1.0 if judged.estimator.name == "bad" else 1.0
            answers = [sign * value for value in TRUE]
            answers[0] += shift
            record_id = case.prediction_id(judged)
            answer = {"values": {"single": answers}, "report": {}, "invariance": {"batch": 0.0}}
            store.write_json("records", record_id, {**head, **answer})
            costs = {"fit_seconds": 1.0, "score_seconds": 2.0, "peak_memory_bytes": 2.0**20}
            store.write_json("runs", record_id, {"environment": {}, "costs": costs})
    write_fidelity(store, made)
    return folder


@pytest.fixture
def working(tmp_path):
    return planted(tmp_path / "fidelity" / "toy", grid())


@pytest.fixture
def published(working, tmp_path):
    publish(working, tmp_path / "published", artefact_bytes=ENOUGH)
    return tmp_path / "published"


@pytest.fixture(params=["working", "published"])
def leaderboard(request):
    return request.getfixturevalue(request.param)


def checked(folder, *levels):
    return verify(folder, levels=levels or (1, 2, 3, 4, 5), registry=discover(), opened=None)


def run(command, *arguments):
    done = CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)
    assert done.exception is None, done.exception
    return done


def test_hashes_and_tables_are_verified(leaderboard):
    found = checked(leaderboard)
    assert found.exit_code == 0, found.as_text()
    assert [(level.number, level.verdict) for level in found.levels] == [
        (1, "passed"),
        (5, "passed"),
    ]
    [note] = found.notes
    assert note.startswith("levels 2 to 4 are not there: estimators are judged by records")


def test_a_level_that_it_does_not_have_is_not_judged(leaderboard):
    found = checked(leaderboard, 1, 3)
    assert found.exit_code == 1
    assert found.levels[1].not_judged[0].why.endswith("measures them again")


def test_the_published_form_holds_nine_files_at_the_most(published):
    assert sorted(path.name for path in published.iterdir()) == [
        "costs.md",
        "grid.json",
        "leaderboard.csv",
        "leaderboard.json",
        "leaderboard.md",
        "manifest.json",
        "records.jsonl.gz",
        "runs.jsonl.gz",
    ]
    assert is_packed(published)
    with as_working_folder(published) as folder:
        assert read_grid(folder) == grid()


@pytest.mark.parametrize("name", ["leaderboard.md", "costs.md", "grid.json"])
def test_a_changed_file_is_found(working, name):
    path = working / name
    path.write_text(path.read_text().replace("toy", "tox").replace("1.500", "1.400"))
    path.write_text(path.read_text().replace("| 1.5", "| 1.4"))
    found = checked(working)
    assert found.exit_code in (11, 15)
    assert name in {finding.what for level in found.levels for finding in level.problems}


def test_a_changed_record_fails_hashes_and_tables(working):
    [case] = grid(goals=1).cases
    path = working / "records" / f"{case.truth_id}.json"
    path.write_bytes(path.read_bytes().replace(b"5.0", b"6.0"))
    found = checked(working)
    assert [level.verdict for level in found.levels] == ["failed", "failed"]


def test_page_and_figures_are_a_part_of_it(leaderboard):
    run(figures, leaderboard)
    run(report, leaderboard, "--output", leaderboard / "leaderboard.html")
    page = (leaderboard / "leaderboard.html").read_text()
    assert page.count('role="img"') == 1
    assert "Fidelity of influence estimators: toy" in page
    assert {"figures/rho.svg", "leaderboard.html"} <= set(read_manifest(leaderboard).files)
    found = checked(leaderboard)
    assert found.exit_code == 0, found.as_text()
    path = leaderboard / "figures" / "rho.svg"
    path.write_bytes(path.read_bytes().replace(b"<g>", b"<g >", 1))
    assert "figures/rho.svg: it is not what its records give" in checked(leaderboard).as_text()


def test_two_are_compared_goal_by_goal(working, tmp_path):
    assert compare(working, working).same
    other = planted(tmp_path / "other", grid(goals=2), shift=2.5)
    found = compare(working, other)
    assert not found.same
    row = next(row for row in found.rows if row.row == "one, cold truth: good")
    assert (row.metric, row.first.mean, row.first.n) == ("rho, single", pytest.approx(1.0), 3)
    # 0 became 2.5, between the third and the fourth: d = (2, -1, -1, 0, 0, 0)
    assert row.second.mean == pytest.approx(1 - 6 * 6 / (6 * 35))
    assert row.difference.n == 2  # goals that both have
    elsewhere = planted(tmp_path / "elsewhere", grid(design=DesignTable(length=9)))
    assert "design.length (15, 9)" in compare(working, elsewhere).not_paired


def test_attacks_and_estimators_are_not_compared(working, tmp_path):
    attacks = shutil.copytree(working, tmp_path / "attacks")
    (attacks / "manifest.json").unlink()
    store = Store(attacks, warn=print)
    write_manifest(
        store,
        suite="x",
        summary="",
        metrics=[],
        artefacts={},
        missing=[],
        tables=["leaderboard.md"],
    )
    with pytest.raises(StoreError, match="one compares attacks, the other estimators"):
        compare(attacks, working)


def test_rows_of_attacks_are_not_looked_for_in_it(working, tmp_path):
    with pytest.raises(StoreError, match="compares estimators"):
        submit(working, "toy-plugin", tmp_path / "rows.zip", registry=discover())


def test_a_grid_that_can_not_be_read_is_a_sentence(working):
    content = json.loads((working / "grid.json").read_bytes())
    content["truths"] = ["lukewarm"]
    (working / "grid.json").write_text(json.dumps(content))
    with pytest.raises(StoreError, match=r"grid\.json is no grid of a fidelity suite: truths\.0"):
        read_grid(working)
    assert checked(working).exit_code == 11


def test_its_records_are_the_whole_of_what_tables_read(working):
    values = json.loads((working / "leaderboard.json").read_bytes())["tables"][0]["rows"]
    rho = {
        row["estimator"]: [m["mean"] for m in row["measures"] if m["statistic"] == "rho"]
        for row in values
    }
    assert np.allclose(rho["good"], 1.0)
    assert np.allclose(rho["bad"], -1.0)
