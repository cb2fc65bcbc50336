"""Rows that were handed in are ranked under a key that was drawn afterwards, and nowhere else."""

import json
import shutil

import pytest
from click.testing import CliRunner

from loki_bench.audit.acceptance import accept
from loki_bench.audit.drawn import board_of, figures_of
from loki_bench.audit.reproduction import reproduce_cell
from loki_bench.audit.submission import submit
from loki_bench.audit.verification import verify
from loki_bench.cli.power import power
from loki_bench.errors import StoreError
from loki_bench.leaderboard.folder import accepted_cells
from loki_bench.plugins.registry import discover
from loki_bench.records.store import Store
from loki_bench.report.figure import files_of

CHANGES = {"seeds": [0], "integrity_rows": False, "isolation": "process"}


@pytest.fixture
def submitted(tmp_path, compute):
    def made(**changes):
        home = compute(tmp_path / "home", attackers=["none", "random"], **{**CHANGES, **changes})
        theirs = compute(
            tmp_path / "theirs", attackers=["asks-surrogates"], **{**CHANGES, **changes}
        )
        file = tmp_path / "rows.zip"
        submit(theirs, "toy-plugin", file, registry=discover())
        return home, file

    return made


def ranks_of(folder):
    """By table, the rank of each attack."""
    tables = json.loads((folder / "leaderboard.json").read_text())["tables"]
    return {
        table["about"].get("seeds"): {row["attacker"]: row["rank"] for row in table["rows"]}
        for table in tables
    }


def test_a_handed_in_row_is_shown_under_public_seeds_and_ranked_under_a_fresh_key(
    submitted, opened
):
    home, file = submitted()
    assert set(ranks_of(home)) == {None}  # a table without rows of others says nothing of keys
    added = accept(home, file, registry=discover(), opened=opened)
    [entry] = accepted_cells(home)
    assert entry.cells == tuple(added)
    assert len(bytes.fromhex(entry.key)) == 16
    ranks = ranks_of(home)
    public, fresh = ranks["public key"], ranks[f"fresh key {entry.key}"]
    assert public["asks-surrogates"] is None
    assert public["random"] is not None  # others are ranked without it
    assert sorted(fresh) == sorted(public) == ["asks-surrogates", "none", "random"]
    assert all(rank is not None for rank in fresh.values())
    text = (home / "leaderboard.md").read_text()
    assert (
        "Shown, not ranked: asks-surrogates on counts: handed in, and measured with public seeds, "
        "which its author knew." in text
    )
    store = Store(home, warn=pytest.fail)
    keys = {i: store.record(i).cell.key for i in (*entry.fresh, *entry.beside)}
    assert set(keys.values()) == {entry.key}
    goals = {store.record(i).goal for i in (*entry.cells, *entry.fresh)}
    assert len(goals) == 2
    # whoever has the folder can repeat it, from nothing
    again = reproduce_cell(entry.fresh[0], home, registry=discover(), opened=opened)
    assert again.difference is None
    found = verify(home, levels=(1, 2, 3, 5, 6), registry=discover(), opened=opened)
    assert found.exit_code == 0, found.as_text()


def test_two_acceptances_have_two_keys_and_an_in_process_row_is_not_ranked(
    submitted, opened, tmp_path
):
    home, file = submitted(isolation="in-process")
    accept(home, file, registry=discover(), opened=opened)
    [entry] = accepted_cells(home)
    assert ranks_of(home)[f"fresh key {entry.key}"]["asks-surrogates"] is None
    text = (home / "leaderboard.md").read_text()
    assert "handed in, and its attack was not fully confined (in-process)." in text
    assert "Not confined: attacks ran in-process" in text
    assert accept(home, file, registry=discover(), opened=opened) == []
    assert accepted_cells(home) == (entry,)


def test_a_row_under_a_key_that_was_drawn_for_others_is_refused(
    submitted, opened, compute, with_fresh, tmp_path
):
    key = "1" * 32
    home, _ = submitted()
    with_fresh(key, lambda record: record, folder=home)
    known = {"n_targets": 3, "n_target_users": 10, "key": key}
    theirs = compute(tmp_path / "t", attackers=["asks-surrogates"], protocol=known, **CHANGES)
    file = tmp_path / "known.zip"
    submit(theirs, "toy-plugin", file, registry=discover())
    with pytest.raises(StoreError, match=r"no counterpart .* differs in protocol\.key"):
        accept(home, file, registry=discover(), opened=opened)


def test_an_attack_that_is_not_installed_here_stays_unranked(submitted, opened, monkeypatch):
    home, file = submitted(isolation="in-process")
    from loki_bench.audit import fresh_measurement

    def not_installed(cell, registry, *, but):
        return "it is not installed here" if cell.attacker.name == "asks-surrogates" else None

    monkeypatch.setattr(fresh_measurement, "why_not_runnable", not_installed)
    accept(home, file, registry=discover(), opened=opened)
    [entry] = accepted_cells(home)
    assert (entry.key, entry.fresh, entry.beside) == ("", (), ())
    ranks = ranks_of(home)
    assert list(ranks) == ["public key"]
    assert ranks["public key"]["asks-surrogates"] is None


def test_a_public_seed_and_a_fresh_one_are_no_spread_of_a_row(submitted, opened, monkeypatch):
    from toy_plugin import components

    home, file = submitted(isolation="in-process")
    accept(home, file, registry=discover(), opened=opened)
    shutil.rmtree(home / "runs")  # so that it is judged as from elsewhere
    real = components.Counts.score_next
    monkeypatch.setattr(components.Counts, "score_next", lambda *given: -real(*given))
    levels = verify(home, levels=(3,), registry=discover(), opened=opened).levels
    report = next(level for level in levels if level.number == 3)
    assert report.problems == []
    assert any("one seed that is computed here has no spread" in f.why for f in report.not_judged)


def test_rows_that_are_shown_and_not_ranked_count_neither_in_power_nor_in_figures(
    submitted, opened
):
    home, file = submitted(isolation="in-process", seeds=[0, 1, 2])
    said = CliRunner().invoke(power, [str(home)]).output.splitlines()
    accept(home, file, registry=discover(), opened=opened)
    with_others = CliRunner().invoke(power, [str(home)]).output
    assert "asks-surrogates" not in with_others
    # the pairs of the suite's own table, in columns that may be wider
    assert [line.split() for line in with_others.splitlines()[: len(said)]] == [
        line.split() for line in said
    ]
    on_page = {}
    for number, own in enumerate(board_of(home).figures, start=1):
        for figure in own:
            on_page |= files_of(figure, "" if number == 1 else f"-{number}")
    assert figures_of(home) == on_page
