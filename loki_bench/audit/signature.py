"""Signs a manifest, and says who signed it: OpenSSH's signatures, made and checked by ssh-keygen.

The manifest has the digest of everything in its folder, so its signature is the folder's. The
signature lies beside it, in ``manifest.json.sig``. Trusted keys are in a file of OpenSSH's
``allowed_signers`` format: a line for each, a name and a public key.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from loki_bench.bounded_files import LARGEST_RECORD, is_there, read_regular
from loki_bench.errors import StoreError, UsageError
from loki_bench.records.manifest import MANIFEST, SIGNATURE, read_manifest
from loki_bench.whole_files import write_whole

__all__ = ["Signature", "read_signature", "sign", "trusted_keys_file"]

NAMESPACE = "loki-bench"
"""What is signed: a signature of the same key for another purpose is none for this."""

LARGEST_SIGNATURE = 2**16


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a signature tells.

    Attributes
    ----------
    is_valid : bool
        Whether it is one of this manifest.
    signer : str or None
        The name of the trusted key that made it; None where it is valid and the key is not known.
    told : str
        One sentence.
    """

    is_valid: bool
    signer: str | None
    told: str


def trusted_keys_file() -> Path:
    """Where trusted keys are kept unless another file is named; it need not exist."""
    return platformdirs.user_config_path("loki-bench", appauthor=False) / "trusted-keys"


def sign(leaderboard: Path, key: Path) -> Path:
    """Sign the manifest of a folder with an OpenSSH key; returns the signature's path.

    Raises
    ------
    StoreError
        The folder has no whole manifest, or can't be written to.
    UsageError
        There is no ssh-keygen, or it refuses the key.
    """
    read_manifest(leaderboard)
    manifest = leaderboard / MANIFEST
    found = _ssh_keygen("sign", "-f", str(key), "-n", NAMESPACE, content=manifest.read_bytes())
    if found.returncode:
        raise UsageError(f"{key}: ssh-keygen can't sign with it: {_last_line(found.stderr)}")
    write_whole(leaderboard / SIGNATURE, found.stdout)
    return leaderboard / SIGNATURE


def read_signature(leaderboard: Path, trusted: Path) -> Signature | None:
    """Who signed the manifest of a folder; None where nobody did.

    Raises
    ------
    UsageError
        There is no ssh-keygen.
    StoreError
        A file can't be read.
    """
    signature = leaderboard / SIGNATURE
    if not is_there(signature):
        return None
    try:
        manifest = read_regular(leaderboard / MANIFEST, at_most=LARGEST_RECORD)
        read_regular(signature, at_most=LARGEST_SIGNATURE)
    except OSError as error:
        raise StoreError(f"{signature}: can't be read: {error.strerror}") from error
    file = str(signature)
    checked = _ssh_keygen("check-novalidate", "-n", NAMESPACE, "-s", file, content=manifest)
    if checked.returncode:
        return Signature(is_valid=False, signer=None, told="it is no signature of this manifest")
    key = _last_line(checked.stdout).rpartition(" ")[2][:100]
    if is_there(trusted):
        keys = str(trusted)
        names = _ssh_keygen("find-principals", "-s", file, "-f", keys, content=b"").stdout
        for name in names.decode("utf-8", "replace").splitlines():
            arguments = ("-f", keys, "-I", name, "-n", NAMESPACE, "-s", file)
            if not _ssh_keygen("verify", *arguments, content=manifest).returncode:
                return Signature(is_valid=True, signer=name, told=f"signed by {name} ({key})")
    told = f"signed with the key {key}, which is not in {trusted}"
    return Signature(is_valid=True, signer=None, told=told)


def _ssh_keygen(
    action: str, *arguments: str, content: bytes
) -> "subprocess.CompletedProcess[bytes]":
    command = ["ssh-keygen", "-Y", action, *arguments]
    try:
        return subprocess.run(command, input=content, capture_output=True, check=False)  # noqa: S603
    except FileNotFoundError as error:
        raise UsageError(
            "there is no ssh-keygen on this machine; it comes with OpenSSH, which signs manifests "
            "and checks their signatures"
        ) from error


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it says nothing"
