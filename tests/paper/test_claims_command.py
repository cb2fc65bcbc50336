"""`loki-bench claims` reads the paper's suites of a family, and says when its page is another."""

import pytest
from click.testing import CliRunner
from made_up_records import with_cell
from written_again import write_again
from written_board import write_board

from loki_bench.cli.report import claims
from loki_bench.errors import StoreError
from loki_bench.leaderboard.folder import Acceptance, write_accepted
from loki_bench.records.manifest import Plugin, read_manifest
from loki_bench.records.store import Store


def run(*arguments):
    return CliRunner().invoke(claims, [str(a) for a in arguments], standalone_mode=False)


@pytest.fixture
def board(tmp_path):
    """Write a suite's leaderboard into the family."""

    def write(suite, records):
        folder = tmp_path / "family" / suite
        return write_board(folder, suite, records, metrics=["display_rate@10"])

    return write


@pytest.fixture
def family(tmp_path, plant, board):
    """Two suites of the paper that share the cells at 3 %."""
    for name, shares in (("paper-overall", (0.03,)), ("paper-budget", (0.01, 0.02, 0.03))):
        board(name, [record for share in shares for record in plant(share=share)])
    return tmp_path / "family"


def written(family):
    assert run(family).return_value == 0
    return (family / "README.md").read_text("utf-8")


def test_the_page_is_written_and_checked(family):
    assert run(family, "--check").return_value == 1
    assert run(family).return_value == 0
    text = (family / "README.md").read_text("utf-8")
    assert "[paper-budget](paper-budget/leaderboard.md): paper-budget" in text
    assert "[paper-overall](paper-overall/leaderboard.md): paper-overall" in text
    assert "LOKI is best at every share of controlled users" in text
    assert run(family, "--check").return_value == 0
    (family / "README.md").write_text(text.replace("**not decided**", "**holds**", 1), "utf-8")
    assert run(family, "--check").return_value == 1


def test_a_damaged_record_is_named_and_nothing_is_written(family):
    path = min((family / "paper-budget" / "records").iterdir())
    path.write_bytes(path.read_bytes()[:-3])
    done = run(family)
    assert isinstance(done.exception, StoreError)
    assert path.name in str(done.exception)
    assert not (family / "README.md").exists()


def test_a_folder_without_leaderboards_is_refused(tmp_path):
    done = run(tmp_path)
    assert isinstance(done.exception, StoreError)
    assert "holds no leaderboard" in str(done.exception)


def test_other_suites_of_the_family_change_nothing(family, plant, board, plant_row):
    before = written(family)
    other_seeds = [
        with_cell(record, seed=record.cell.seed + 3)
        for record in plant(loki=(0.01, 0.0, 0.02), popular=(0.4, 0.41, 0.42))
    ]
    board("headline", [*other_seeds, *plant_row("new", "fpmc", (0.9, 0.91, 0.92), share=0.01)])
    other_pool = [
        with_cell(record, sees_history=False) for record in plant_row("loki", "fpmc", (0.1, 0.1))
    ]
    board("loki-ablations", other_pool)
    assert written(family) == before


def test_a_family_without_a_suite_of_the_paper_is_refused(tmp_path, plant, board):
    board("headline", plant())
    done = run(tmp_path / "family")
    assert isinstance(done.exception, StoreError)
    assert "no leaderboard of the paper's suites; expected" in str(done.exception)
    assert "paper-overall, paper-budget, paper-actions, paper-stealth" in str(done.exception)


@pytest.mark.parametrize("key", ["", "0" * 32])
def test_rows_that_were_accepted_into_a_suite_play_no_part(family, plant_row, key):
    before = written(family)
    folder = family / "paper-overall"
    store, manifest = Store(folder, warn=print), read_manifest(folder)
    own = {cell_id: store.record(cell_id) for cell_id in manifest.record_ids}
    added = [r for victim in ("bprmf", "fpmc") for r in plant_row("new", victim, (0.9, 0.91, 0.92))]
    fresh = [with_cell(r, protocol={**r.cell.protocol.model_dump(), "key": key}) for r in added]
    for record in (*added, *fresh):
        store.write_record(record)
    accepted = Acceptance(
        plugin=Plugin(distribution="new", version="1", source_sha256="0" * 64),
        cells=tuple(record.id for record in added),
        file_sha256="0" * 64,
        key=key,
        fresh=tuple(record.id for record in fresh) if key else (),
    )
    write_accepted(store, [accepted])
    write_again(store, manifest, own)
    assert "new" in (folder / "leaderboard.md").read_text("utf-8")
    assert written(family) == before
