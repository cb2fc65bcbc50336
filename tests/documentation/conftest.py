"""Pages of the documentation, and their plugins as if they were installed."""

import importlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # `markdown_pages` lies beside its tests

from markdown_pages import installed_in

TOYS = Path(__file__).parents[1] / "toys"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Writes a page's files into a folder, as a distribution on the path; returns the folder."""
    before = set(sys.modules)

    def installed(page):
        monkeypatch.syspath_prepend(tmp_path)
        installed_in(tmp_path, page)
        importlib.invalidate_caches()
        return tmp_path

    yield installed
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def toys(monkeypatch):
    """The toy plugin's recommenders, which train in no time."""
    monkeypatch.syspath_prepend(TOYS)
