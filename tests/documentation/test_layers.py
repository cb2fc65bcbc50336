"""The layers that the design page draws are those that ``lint-imports`` checks."""

import re
import sys

import pytest
from markdown_pages import DOCS, ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = ROOT / "pyproject.toml"


def drawn(heading: str) -> list[str]:
    """The lines of the first block of code below a heading, without what they say of the names."""
    _, _, below = (DOCS / "design.md").read_text("utf-8").partition(f"\n## {heading}\n")
    block = re.search(r"^```\n(.*?)^```$", below, re.DOTALL | re.MULTILINE)
    return [re.split(r" {2,}", line)[0] for line in block[1].splitlines()]


def checked(container: str) -> list[str]:
    """The layers of a contract."""
    tool = tomllib.loads(PROJECT.read_text("utf-8"))["tool"]["importlinter"]
    [contract] = [one for one in tool["contracts"] if one.get("containers") == [container]]
    return contract["layers"]


@pytest.mark.parametrize(
    ("heading", "container"),
    [("Layers", "loki_bench"), ("The street of steps", "loki_bench.pipeline")],
)
def test_a_drawing_has_the_layers_of_its_contract(heading, container):
    assert drawn(heading) == checked(container)
