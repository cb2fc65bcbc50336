"""A signed leaderboard tells who signed it; a forger's manifest is not the one that was signed."""

import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from loki_bench.audit.signature import read_signature
from loki_bench.audit.verification import verify
from loki_bench.cli.submission import sign as sign_command
from loki_bench.errors import UsageError
from loki_bench.plugins.registry import discover
from loki_bench.records.manifest import put_manifest, read_manifest
from loki_bench.records.store import Store

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no OpenSSH here")


@pytest.fixture
def keys(tmp_path):
    """Two keys, and a file that trusts the first."""
    for name in ("alice", "mallory"):
        made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", tmp_path / name]
        subprocess.run(made, check=True)
    trusted = tmp_path / "trusted-keys"
    trusted.write_text(f"alice@example.org {(tmp_path / 'alice.pub').read_text()}")
    return tmp_path / "alice", tmp_path / "mallory", trusted


@pytest.fixture
def check(leaderboard, opened):
    def checked(trusted):
        arguments = {"levels": (1,), "registry": discover(), "opened": opened}
        return verify(leaderboard, **arguments, trusted_keys=trusted)

    return checked


def sign(folder, key):
    done = CliRunner().invoke(sign_command, [str(folder), "--key", str(key)], standalone_mode=False)
    if done.exception is not None:
        raise done.exception


def test_who_signed_it_is_told(leaderboard, keys, check):
    alice, _, trusted = keys
    sign(leaderboard, alice)
    found = check(trusted)
    assert found.exit_code == 0
    [note] = found.notes
    assert note.startswith("signed by alice@example.org (SHA256:")


def test_a_key_that_is_not_trusted_is_a_note_and_a_failure_where_one_is_demanded(
    leaderboard, keys, check
):
    _, mallory, trusted = keys
    sign(leaderboard, mallory)
    found = check(trusted)
    assert found.exit_code == 11
    assert f"which is not in {trusted}" in found.as_text()
    assert read_signature(leaderboard, Path("nowhere")).is_valid
    assert check(None).exit_code == 0


def test_a_manifest_that_nobody_signed_fails_where_a_key_is_demanded(keys, check):
    assert check(None).exit_code == 0
    found = check(keys[2])
    assert found.exit_code == 11
    assert "manifest.json.sig: nobody signed it" in found.as_text()


def test_a_manifest_that_was_written_anew_is_not_the_one_that_was_signed(leaderboard, keys, check):
    alice, _, trusted = keys
    sign(leaderboard, alice)
    signature = (leaderboard / "manifest.json.sig").read_bytes()
    manifest = read_manifest(leaderboard)
    forged = manifest.model_copy(update={"summary": "better"})
    put_manifest(Store(leaderboard, warn=print), forged)
    assert not (leaderboard / "manifest.json.sig").exists()  # an honest change takes it away
    (leaderboard / "manifest.json.sig").write_bytes(signature)
    for demanded in (trusted, None):
        found = check(demanded)
        assert found.exit_code == 11
        assert "it is no signature of this manifest" in found.as_text()
    put_manifest(Store(leaderboard, warn=print), forged)  # the same bytes


def test_a_key_that_is_none_is_refused_in_a_sentence(leaderboard, tmp_path):
    (tmp_path / "key").write_text("no key")
    with pytest.raises(UsageError, match="ssh-keygen can't sign with it"):
        sign(leaderboard, tmp_path / "key")
