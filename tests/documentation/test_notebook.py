"""The notebook of the tutorials runs from its first cell to its last, and draws."""

import json
import sys
from functools import partial
from types import ModuleType
from xml.etree import ElementTree

import pytest
from markdown_pages import DOCS
from workers_here import opened_here

from loki_bench import Benchmark
from loki_bench.engine.workers import LocalWorkers

pytest.importorskip("loki_bench_recbole")

NOTEBOOK = DOCS / "tutorials" / "first-result.ipynb"


def cells(kind):
    content = json.loads(NOTEBOOK.read_text())
    assert content["nbformat"] == 4
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == kind]


def test_the_notebook_runs_a_suite_and_draws_its_figure(tmp_path, monkeypatch):
    drawn = []
    shown = ModuleType("IPython.display")
    shown.SVG = drawn.append
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", shown)
    monkeypatch.setattr(LocalWorkers, "open", opened_here)
    short = {"isolation": "in-process", "integrity_rows": False}
    monkeypatch.setattr(Benchmark, "open", partial(Benchmark.open, **short))
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for source in cells("code"):
        exec(compile(source, str(NOTEBOOK), "exec"), namespace)  # noqa: S102  # our own page
    assert namespace["frame"]["attacker"].tolist() == ["covisit", "none"]
    [figure] = drawn
    root = ElementTree.fromstring(figure)  # noqa: S314  # our own drawing
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "covisit" in figure.decode().lower()


def test_the_notebook_is_kept_without_outputs():
    content = json.loads(NOTEBOOK.read_text())
    assert not [cell for cell in content["cells"] if cell.get("outputs")]
