"""A root folder made of mounts: what a process may read, where the kernel has no Landlock.

In a namespace of mounts of its own a process is given an empty root, into which what it may read
is mounted read-only, and its own folder as it is. What is not there can't be named.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from loki_bench.kernel import libc

__all__ = ["enter_own_root"]

CLONE_NEWNS = 0x00020000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
MS_NOATIME, MS_NODIRATIME, MS_REC, MS_RELATIME = 1024, 2048, 1 << 14, 1 << 21
KEPT_FLAGS = {1 << 1: MS_NOSUID, 1 << 2: MS_NODEV, 1 << 3: MS_NOEXEC, 1 << 10: MS_NOATIME}
KEPT_FLAGS |= {1 << 11: MS_NODIRATIME, 1 << 12: MS_RELATIME}
"""Flags of ``statvfs`` that a mount keeps: another user's namespace may not drop them."""

NAMES = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/localtime", "/etc/ssl/openssl.cnf")
"""Links on many systems, by which programs name what lies elsewhere."""


def enter_own_root(
    *, readable: Iterable[str], devices: Iterable[str], writable: Iterable[str], own: str
) -> bool:
    """Change to a root that holds these paths alone; ``/proc`` must show this namespace's.

    Parameters
    ----------
    readable, devices, writable : iterable of str
        See :func:`loki_bench.sandbox.landlock.restrict`.
    own : str
        The process's folder, one of ``writable``; it becomes the working folder.

    Returns
    -------
    bool
        Whether it is done; where the system does not allow it, nothing has changed for the
        process.
    """
    root = Path(own, ".root")
    kept = [Path(path) for path in (*devices, *writable, "/proc") if Path(path).exists()]
    shown = [Path(path) for path in readable if not Path(path).is_relative_to("/proc")]
    # Another namespace than the supervisor's, which removes the folder ``own`` with all in it.
    if libc().unshare(CLONE_NEWNS) != 0:
        return False
    try:
        root.mkdir()
        _mount("none", root, "tmpfs", MS_NOSUID | MS_NODEV)
        for path in shown:
            if path.exists():  # with what is mounted below it
                _bind(path, root, MS_BIND | MS_REC)
        _make_read_only(root)
        for path in kept:
            _bind(path, root, MS_BIND)
        for name in {*NAMES, *sys.path, sys.executable, sys.prefix, sys.base_prefix}:
            for link, target in _links_on(name):
                _link(_inside(root, link), target)
        _mount(None, root, None, MS_REMOUNT | MS_BIND | MS_RDONLY)
        os.chroot(root)
        os.chdir(own)
    except OSError:
        return False
    return True


def _bind(path: Path, root: Path, how: int) -> None:
    place = _inside(root, path)
    if path.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    elif not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    _mount(str(path), place, None, how)


def _make_read_only(root: Path) -> None:
    """Every mount below the new root; of a file system that is mounted there, that alone."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place = Path(re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), line.split()[4]))
        if place != root and place.is_relative_to(root):
            found = os.statvfs(place).f_flag
            kept = sum(flag for bit, flag in KEPT_FLAGS.items() if found & bit)
            _mount(None, place, None, MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def _links_on(name: str, depth: int = 0) -> Iterator[tuple[Path, str]]:
    """Every link that is followed on the way to a name, and what each says."""
    walked = Path("/")
    parts = Path(name).parts[1:] if Path(name).is_absolute() and depth < 40 else ()
    for number, part in enumerate(parts, start=1):
        walked /= part
        if walked.is_symlink():
            target = str(walked.readlink())
            yield walked, target
            further = os.path.normpath(walked.parent.joinpath(target, *parts[number:]))
            yield from _links_on(further, depth + 1)
            return


def _link(place: Path, target: str) -> None:
    if not os.path.lexists(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)


def _inside(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def _mount(source: str | None, place: Path, kind: str | None, flags: int) -> None:
    given = None if source is None else os.fsencode(source)
    named = None if kind is None else kind.encode()
    if libc().mount(given, os.fsencode(place), named, flags, None) != 0:
        raise OSError(f"{place} can't be mounted")
