"""Every leaderboard in the repository is opened by every command that names one."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from loki_bench.audit.comparison import compare
from loki_bench.audit.drawn import claims_of, records_of
from loki_bench.audit.hashes import check_hashes, check_packs
from loki_bench.audit.verification import verify
from loki_bench.cli.report import figures, report
from loki_bench.plugins.registry import discover
from loki_bench.records.manifest import MANIFEST
from loki_bench.records.opening import as_working_folder

LEADERBOARDS = Path(__file__).parents[2] / "leaderboards"
FOLDERS = sorted(
    path.parent
    for pattern in (f"*/{MANIFEST}", f"*/*/{MANIFEST}")
    for path in LEADERBOARDS.glob(pattern)
)

each = pytest.mark.parametrize(
    "folder", [pytest.param(f, id=f.relative_to(LEADERBOARDS).as_posix()) for f in FOLDERS]
)


@each
def test_its_bytes_are_those_of_its_manifest(folder):
    assert not check_packs(folder).problems
    with as_working_folder(folder) as working:
        found, notes = check_hashes(working)
    assert not found.problems
    assert not notes


def test_the_tables_of_the_smallest_are_those_of_its_records():
    found = verify(LEADERBOARDS / "quick", levels=(5,), registry=discover(), opened=None)
    assert found.exit_code == 0, found.as_text()


@pytest.mark.slow
@each
def test_it_is_verified_shown_drawn_and_compared(folder, tmp_path):
    found = verify(folder, levels=(1, 5), registry=discover(), opened=None)
    assert found.exit_code == 0, found.as_text()
    for command, output in ((report, "page.html"), (figures, "figures")):
        arguments = [str(folder), "--output", str(tmp_path / output)]
        done = CliRunner().invoke(command, arguments, standalone_mode=False)
        assert done.exception is None, done.exception
    with as_working_folder(folder, artefacts=False) as working:
        manifest, records = records_of(working)
        assert records or manifest.subject == "estimators"
        assert compare(working, working).same


@pytest.mark.skipif(not FOLDERS, reason="leaderboards are not in this distribution")
def test_a_leaderboard_that_is_named_has_records():
    tables = {path.parent for path in LEADERBOARDS.rglob("leaderboard.md")}
    assert tables <= set(FOLDERS)


@pytest.mark.slow
@pytest.mark.skipif(not FOLDERS, reason="leaderboards are not in this distribution")
def test_the_claims_are_what_the_records_give():
    family = LEADERBOARDS / "beauty"
    assert (family / "README.md").read_text() == claims_of(family)
