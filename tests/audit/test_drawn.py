"""Page and figures in a leaderboard's folder are a part of it: listed, and made again to check."""

import pytest
from click.testing import CliRunner

from loki_bench.audit.verification import verify
from loki_bench.cli.report import figures, report
from loki_bench.errors import UsageError
from loki_bench.plugins.registry import discover
from loki_bench.records.manifest import read_manifest

FILES = ("leaderboard.html", *(f"figures/{n}.{k}" for n in ("lengths", "overall") for k in ("pdf", "svg")))  # fmt: skip  # noqa: E501


def run(command, *arguments):
    done = CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)
    assert done.exception is None, done.exception
    return done


@pytest.fixture
def whole(leaderboard):
    run(report, leaderboard, "--output", leaderboard / "leaderboard.html")
    run(figures, leaderboard)
    return leaderboard


@pytest.fixture
def check(opened):
    def checked(folder, *levels):
        found = verify(folder, levels=levels, registry=discover(), opened=opened)
        return found, {level.number: level for level in found.levels}

    return checked


def test_they_are_listed_in_the_manifest_and_pass(whole, check):
    assert set(FILES) <= set(read_manifest(whole).files)
    found, levels = check(whole, 1, 5)
    assert found.exit_code == 0, found.as_text()
    assert not found.notes
    assert levels[5].n_checked == 3 + len(FILES)  # beside the three tables


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_byte_is_found_by_its_hash_and_by_drawing_again(whole, check, name):
    path = whole / name
    raw = path.read_bytes()
    place = raw.index(b"<body" if name.endswith("html") else b"obj" if b"%PDF" in raw else b"<path")
    path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
    found, levels = check(whole, 1, 5)
    assert found.exit_code == 11
    assert [finding.what for finding in levels[1].problems] == [name]
    assert [(f.what, f.why) for f in levels[5].problems] == [
        (name, "it is not what its records give")
    ]


def test_running_again_keeps_them_in_the_manifest(whole, compute):
    before = (whole / "manifest.json").read_bytes()
    compute(whole)
    assert (whole / "manifest.json").read_bytes() == before


def test_a_figure_that_no_record_gives_is_found(whole, check):
    (whole / "figures" / "budget.svg").write_bytes((whole / "figures" / "overall.svg").read_bytes())
    _, levels = check(whole, 5)
    assert [(f.what, f.why) for f in levels[5].problems] == [
        ("figures/budget.svg", "its records give no such figure")
    ]


def test_what_a_library_drew_for_an_older_version_is_not_judged(whole, check):
    path = whole / "figures" / "overall.svg"
    path.write_bytes(b"<svg><!-- Created with Matplotlib v3.9.1. --></svg>")
    _, levels = check(whole, 5)
    assert not levels[5].problems
    [finding] = levels[5].not_judged
    assert finding.what == "figures/overall.svg"
    assert finding.why == "drawn by Matplotlib v3.9.1; `loki-bench rewrite` draws it anew"


def test_figures_of_a_file_need_a_folder_to_go_to(tmp_path):
    file = tmp_path / "rows.zip"
    file.write_bytes(b"")
    done = CliRunner().invoke(figures, [str(file)], standalone_mode=False)
    assert isinstance(done.exception, UsageError)
    assert "--output" in str(done.exception)


def test_figures_elsewhere_leave_the_leaderboard_as_it_is(leaderboard, tmp_path):
    before = (leaderboard / "manifest.json").read_bytes()
    done = run(figures, leaderboard, "--output", tmp_path / "drawn")
    assert {path.name for path in (tmp_path / "drawn").iterdir()} == {
        name.removeprefix("figures/") for name in FILES[1:]
    }
    assert "overall.svg" in done.output
    assert (leaderboard / "manifest.json").read_bytes() == before
