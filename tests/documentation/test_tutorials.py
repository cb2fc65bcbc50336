"""Each tutorial's files, taken from its page, are installed, pass the kit and get their row."""

import runpy
import subprocess
import sys
import zipfile

import pytest
from markdown_pages import PAGES as ALL_PAGES
from markdown_pages import TUTORIALS, distribution_of, files_of, named, suites_of
from workers_here import Here

from loki_bench import Benchmark
from loki_bench.fidelity.suite import load_fidelity_suite
from loki_bench.plugins.registry import discover
from loki_bench.suite.resolve import prepare
from loki_bench.suite.suite import load_suite
from loki_bench.testing import CHECKS, check_plugin

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

WITH_A_PROJECT = [page for page in ALL_PAGES if "pyproject.toml" in files_of(page)]
PAGES = {page.stem: page for page in TUTORIALS}
KIND = {
    "attack": "attacker",
    "sequence-queries": "attacker",
    "recommender": "recommender",
    "differentiable": "differentiable recommender",
    "influence-estimator": "influence estimator",
    "metric": "metric",
    "defense": "defense",
    "weighting-defense": "weighting defense",
    "robust-training": "robust training",
    "dataset": "dataset",
}


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The data folder, with what the dataset tutorial's script writes."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("LOKI_BENCH_DATA", str(folder))
    script = tmp_path / "make_visits.py"
    script.write_text(files_of(PAGES["dataset"])["make_visits.py"])
    monkeypatch.setattr(sys, "argv", [str(script), str(folder / "visits.csv")])
    runpy.run_path(str(script))
    return folder


def test_there_is_a_tutorial_for_every_kind():
    assert set(PAGES) == set(KIND)
    # what a recommender may promise besides has no page of its own
    further = {
        "plugin",
        "weighted recommender",
        "adversarial recommender",
        "sequence recommender",
        "fine-tunable recommender",
        "rowwise recommender",
    }
    assert set(KIND.values()) == set(CHECKS) - further


@pytest.mark.parametrize("name", PAGES)
def test_the_component_of_a_tutorial_passes_the_kit(name, install, data):
    install(PAGES[name])
    found = list(check_plugin(distribution_of(PAGES[name]), folder=data))
    assert [f"{r.check}: {r.detail}" for r in found if not r.ok] == []
    # all that there are, but those that need a reference, or an attack that prepares or takes
    # lengths
    expected = {c.__name__ for c in (*CHECKS["plugin"], *CHECKS[KIND[name]])}
    assert expected - {r.check for r in found} <= {
        "check_metric_agrees_with_its_reference",
        "check_attacker_prepares_named_arrays",
        "check_attacker_writes_as_many_events_as_the_host_drew",
    }


@pytest.mark.parametrize("page", WITH_A_PROJECT, ids=named)
def test_the_project_of_a_page_names_the_modules_that_the_page_shows(page):
    """A guess of setuptools would take a run's folder `results` for a package, and nothing else."""
    files = files_of(page)
    project = tomllib.loads(files["pyproject.toml"])
    named_here = project["tool"]["setuptools"]["py-modules"]
    modules = {name.removesuffix(".py") for name in files if name.endswith(".py")}
    assert set(named_here) <= modules
    assert modules - set(named_here) <= {"make_visits"}  # a script
    assert set(project["project"]["entry-points"]["loki_bench"].values()) <= set(named_here)


def test_a_tutorial_is_built_whole_beside_the_results_of_its_first_run(tmp_path):
    pytest.importorskip("setuptools", reason="builds a wheel without the network")
    project = tmp_path / "project"
    (project / "results" / "my-suite").mkdir(parents=True)
    for name, content in files_of(PAGES["attack"]).items():
        (project / name).write_text(content)
    options = ["-q", "--no-deps", "--no-index", "--no-build-isolation", "-w", tmp_path]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, project], check=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        assert "segment.py" in content.namelist()


def test_the_attack_takes_no_more_than_25_lines():
    files = files_of(PAGES["attack"])
    assert set(files) == {"segment.py", "pyproject.toml", "my-suite.toml"}
    plugin = files["segment.py"] + files["pyproject.toml"]
    assert len([line for line in plugin.splitlines() if line.strip()]) <= 25


def test_the_attack_that_asks_takes_no_more_than_40_lines():
    files = files_of(PAGES["sequence-queries"])
    plugin = files["echo.py"] + files["pyproject.toml"]
    assert len([line for line in plugin.splitlines() if line.strip()]) <= 40


@pytest.mark.parametrize("name", ["weighting-defense", "robust-training"])
def test_a_defense_that_weighs_or_trains_takes_no_more_than_40_lines(name):
    files = files_of(PAGES[name])
    [code] = [text for file, text in files.items() if file.endswith(".py")]
    plugin = code + files["pyproject.toml"]
    assert len([line for line in plugin.splitlines() if line.strip()]) <= 40


def _grid(name, folder):
    """The first suite of a tutorial, read and resolved as `run` does."""
    (block,) = suites_of(PAGES[name])
    suite = load_suite(str(folder / block.file))
    return prepare(suite, discover(), download=False)


@pytest.mark.parametrize("name", [name for name in PAGES if name != "influence-estimator"])
def test_the_suite_of_a_tutorial_has_cells_with_its_component(name, install, data):
    grid = _grid(name, install(PAGES[name])).grid
    assert distribution_of(PAGES[name]) in str([c.model_dump() for c in grid.cells]) or (
        name == "metric" and "target_mrr" in str(grid.metrics)
    )


def test_the_estimators_suite_is_valid_and_judges_it(install):
    folder = install(PAGES["influence-estimator"])
    (block,) = suites_of(PAGES["influence-estimator"])
    suite = load_fidelity_suite(str(folder / block.file))
    assert "diagonal" in [estimator.name for estimator in suite.estimators]


ROWS = ("attack", "sequence-queries", "recommender", "metric", "defense", "dataset")


@pytest.mark.parametrize("name", [*ROWS, "weighting-defense", "robust-training"])
def test_the_component_of_a_tutorial_gets_its_row(name, install, data, toys, tmp_path):
    """The page's suite with one seed, in this process, on a victim that only counts."""
    (block,) = suites_of(PAGES[name])
    suite = load_suite(str(install(PAGES[name]) / block.file))
    quick = {"seeds": suite.seeds[:1], "isolation": "in-process", "integrity_rows": False}
    if name != "recommender":
        quick["victims"] = ["follows-weighted" if name == "weighting-defense" else "follows"]
    benchmark = Benchmark.open(
        suite, results=tmp_path / "results", download=False, warn=pytest.fail, **quick
    )
    board = benchmark.run(Here(), progress=False)
    assert [(r.status, r.reason) for r in board.records if r.status != "ok"] == []
    assert len(board.records) == len(benchmark.cells)
    records = board.records
    rates = {
        (r.cell.attacker.name, r.cell.defense and r.cell.defense.name): {
            metric.label: metric.value for metric in r.metrics
        }
        for r in records
    }
    main = suite.metrics[0]
    if name == "attack":
        assert rates["my-segment", None][main] > rates["random", None][main]
    if name == "sequence-queries":
        assert "echo" in {attacker for attacker, _ in rates}
    if name == "metric":
        assert rates["covisit", None]["target_mrr"] > rates["none", None]["target_mrr"]
    if name == "defense":
        assert rates["random", "loners"]["detection_recall"] > 0.9
        assert rates["random", "loners"]["false_positive_rate"] < 0.05
        assert rates["covisit", "loners"]["detection_recall"] < 0.5  # as the page says
    if name == "weighting-defense":
        found, without = rates["random", "doubted"], rates["random", None]
        assert found["detection_recall"] > 0.5 > found["false_positive_rate"]
        assert found[main] <= without[main]
    if name == "robust-training":
        (trained,) = [
            r for r in records if (r.cell.attacker.name, bool(r.cell.defense)) == ("random", True)
        ]
        assert trained.reports.victim == {"fits": 3.0}
