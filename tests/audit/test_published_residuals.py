"""Every published record's linear systems are solved."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from loki_bench.influence.estimators.first_order import MOST_RESIDUAL

ROOT = Path(__file__).parents[2] / "leaderboards"
PACKED = sorted(ROOT.glob("*/records.jsonl.gz"))


def residuals(content: object) -> Iterator[float]:
    """Every relative residual; an estimator that solves nothing tells none."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key == "relative_residual":
                yield value
            else:
                yield from residuals(value)
    elif isinstance(content, list):
        for part in content:
            yield from residuals(part)


def found_in(packed: Path) -> list[float]:
    """Those of one packed leaderboard."""
    with gzip.open(packed, "rt", encoding="utf-8") as lines:
        return [one for line in lines for one in residuals(json.loads(line))]


def test_there_are_residuals_to_look_at():
    assert any(found_in(packed) for packed in PACKED)


@pytest.mark.parametrize("packed", PACKED, ids=lambda packed: packed.parent.name)
def test_no_published_residual_is_above_the_bound(packed):
    found = found_in(packed)
    if not found:
        pytest.skip("no attack in it solves a system")
    assert max(found) <= MOST_RESIDUAL
