"""Tables of the how-to pages have everything that they list, as the code declares it."""

from typing import get_args

import pytest
from markdown_pages import DOCS

from loki_bench.plugins.registry import discover
from loki_bench.plugins.specs import MetricSpec
from loki_bench.suite.suite import Simulator, Suite

PAGE = (DOCS / "how-to" / "read-a-leaderboard.md").read_text("utf-8")


def rows():
    """Each row's purpose, name, unit and direction."""
    purpose, found = "", []
    for line in PAGE.partition("\n## Metrics\n")[2].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0].startswith("**"):
            purpose = cells[0].strip("*")
        elif cells[0].startswith("`") and len(cells) == 4:
            name, said, unit, higher_is = cells
            assert len(said.split()) > 3
            found.append((purpose, name.strip("`"), unit, higher_is))
    return found


def test_it_has_all_of_them_as_they_are_declared():
    declared = [
        (spec.purpose, f"{spec.name}@k" if spec.takes_k else spec.name, spec.unit, spec.higher_is)
        for component in discover().components()
        if isinstance(spec := component.spec, MetricSpec)
        and component.origin.distribution == "loki-bench"
    ]
    assert len(declared) > 20
    assert sorted(rows()) == sorted(declared)


@pytest.mark.parametrize("simulator", get_args(Simulator))
def test_every_simulator_is_on_its_page_and_in_the_reference(simulator):
    assert f"| `{simulator}`" in (DOCS / "how-to" / "choose-surrogates.md").read_text("utf-8")
    assert f"`{simulator}`" in Suite.model_fields["simulator"].description
