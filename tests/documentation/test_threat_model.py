"""The tests and behaviours that the threat model names are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text()
SECTION = PAGE.partition("### Which test tries what")[2].partition("\nEach row is a test")[0]


def test_every_test_that_it_names_is_there():
    file, named = "", []
    for found in re.findall(r"`((?:tests/[\w/]+\.py)?)::(\w+)`", SECTION):
        file = found[0] or file
        named.append((file, found[1]))
    lacking = [
        (file, name) for file, name in named if f"def {name}(" not in (ROOT / file).read_text()
    ]
    assert len(named) > 30
    assert lacking == []


def test_every_behaviour_that_it_names_is_tried():
    tried = (ROOT / "tests" / "sandbox" / "test_hostile_recommenders.py").read_text()
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+|exits|interrupts|crashes|recurses)`", SECTION))
    assert len(named) > 30
    assert sorted(name for name in named if f'"{name}"' not in tried) == []


def test_each_aim_each_flood_and_twenty_ends_are_in_it():
    rows = [line for line in SECTION.splitlines() if line.startswith("| ")][1:]
    first = [line.split("|")[1].strip() for line in rows]
    assert {line[0] for line in first if line[0].isdigit()} == set("1234567")
    assert sum(line.startswith("flood: ") for line in first) == 4
    ends = " ".join(line for line in rows if line.startswith("| end: "))
    assert len(set(re.findall(r"`([a-z]+(?:-[a-z]+)*)`", ends))) >= 20
