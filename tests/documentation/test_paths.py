"""Every Python file that a page names by its path is there."""

import re

import pytest
from markdown_pages import DOCS, ROOT, named

PATH = re.compile(r"(?<![\w./-])[\w-]+/[\w./-]+\.py\b")
ROOTS = [ROOT, ROOT / "loki_bench", *sorted((ROOT / "plugins").glob("*"))]
"""Where a path may begin: pages name the host's modules from their package on."""

PAGES = sorted(
    page
    for page in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("*/README.md"))
    if page.name != "CHANGELOG.md"  # it names what was there
) + sorted(ROOT.glob("plugins/*/README.md"))


def missing(text: str) -> list[str]:
    """The paths of a page that lead to no file."""
    found = sorted(set(PATH.findall(text)))
    return [path for path in found if not any((root / path).is_file() for root in ROOTS)]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_each_file_that_it_names_is_there(page):
    assert missing(page.read_text("utf-8")) == []


def test_a_stale_path_is_found():
    assert missing("`tests/influence/test_gone.py` and `suite/suite.py`") == [
        "tests/influence/test_gone.py"
    ]
    assert sum(len(PATH.findall(page.read_text("utf-8"))) for page in PAGES) > 100
