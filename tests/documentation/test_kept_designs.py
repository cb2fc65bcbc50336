"""The table of what LOKI's simulator kept is what the published records give."""

import gzip
import json
import subprocess
import sys

import pytest
from markdown_pages import DOCS, ROOT

pytestmark = pytest.mark.skipif(
    not (ROOT / "leaderboards").is_dir(), reason="leaderboards are not in this distribution"
)


def test_the_page_has_each_line_that_the_script_prints():
    script = ROOT / "benchmarks" / "kept_designs.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) > 2
    page = (DOCS / "loki.md").read_text("utf-8").splitlines()
    behind = [line for line in lines if line not in page]
    assert not behind, (
        "docs/loki.md is behind: its table is what `python benchmarks/kept_designs.py` prints"
    )


def test_of_made_up_records_it_counts_what_was_tried_and_kept(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import kept_designs

    def record(chosen, *origins):
        told = {"chosen": chosen, "tried": [{"origin": origin} for origin in origins]}
        return {"content": {"reports": {"attacker": {"simulator": told}}}}

    other = {"content": {"reports": {}}}
    records = [record(0, "policy", "round 1"), record(1, "half", "round 1", "round 2"), other]
    folder = tmp_path / "family" / "board"
    folder.mkdir(parents=True)
    with gzip.open(folder / "records.jsonl.gz", "wt", encoding="utf-8") as pack:
        pack.write("\n".join(map(json.dumps, records)))
    monkeypatch.setattr(kept_designs, "LEADERBOARDS", tmp_path)
    [(board, count)] = kept_designs.counted().items()
    assert kept_designs.line(board, count) == "| family/board | 2 | 1 of 2 | 1 of 1 | 0 of 0 |"
    assert kept_designs.summed([count, count]).records == 4
