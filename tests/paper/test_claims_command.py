"""`loki-bench claims` reads every leaderboard of a family, and says when its page is another."""

import pytest
from click.testing import CliRunner

from loki_bench.cli.report import claims
from loki_bench.errors import StoreError
from loki_bench.leaderboard.folder import write_leaderboard
from loki_bench.records.store import Store


def run(*arguments):
    return CliRunner().invoke(claims, [str(a) for a in arguments], standalone_mode=False)


@pytest.fixture
def family(tmp_path, plant):
    """Two suites that share the cells at 3 %."""
    for name, shares in (("overall", (0.03,)), ("budget", (0.01, 0.02, 0.03))):
        store = Store(tmp_path / "family" / name, warn=print)
        records = {}
        for record in (r for share in shares for r in plant(share=share)):
            store.write_record(record)
            records[record.id] = record
        write_leaderboard(
            store,
            suite=name,
            summary=f"About {name}.",
            metrics=["display_rate@10"],
            records=records,
            missing=[],
        )
    return tmp_path / "family"


def test_the_page_is_written_and_checked(family):
    assert run(family, "--check").return_value == 1
    assert run(family).return_value == 0
    text = (family / "README.md").read_text("utf-8")
    assert "[budget](budget/leaderboard.md): About budget." in text
    assert "[overall](overall/leaderboard.md): About overall." in text
    assert "LOKI is best at every share of controlled users" in text
    assert run(family, "--check").return_value == 0
    (family / "README.md").write_text(text.replace("**not decided**", "**holds**", 1), "utf-8")
    assert run(family, "--check").return_value == 1


def test_a_damaged_record_is_named_and_nothing_is_written(family):
    path = min((family / "budget" / "records").iterdir())
    path.write_bytes(path.read_bytes()[:-3])
    done = run(family)
    assert isinstance(done.exception, StoreError)
    assert path.name in str(done.exception)
    assert not (family / "README.md").exists()


def test_a_folder_without_leaderboards_is_refused(tmp_path):
    done = run(tmp_path)
    assert isinstance(done.exception, StoreError)
    assert "holds no leaderboard" in str(done.exception)
