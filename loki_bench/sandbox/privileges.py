"""What a process is allowed as the user that it runs as: rights of root, processes, file sizes."""

import ctypes
import os
import resource
import stat
from collections.abc import Iterable
from pathlib import Path

from loki_bench.kernel import IS_LINUX, libc, prctl

__all__ = [
    "adopt_orphans",
    "become_nobody",
    "give_up_rights",
    "hide_memory",
    "limit",
    "refuse_new_rights",
]

PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
LAST_CAPABILITY = 63
CAPABILITY_VERSION_3 = 0x20080522

FIRST_USER, N_USERS = 61184, 4336
"""The users that systemd keeps for processes without an account of their own."""
NOBODY = 65534

MOST_PROCESSES = 256
"""Processes and threads together; libraries run on one thread each."""


def hide_memory() -> None:
    """Let no other process of the same user read this one's memory, files or environment.

    Linux, through ``PR_SET_DUMPABLE``; as root it holds against processes without the right to
    trace. Elsewhere nothing is done.
    """
    if IS_LINUX:
        prctl(PR_SET_DUMPABLE, 0)


def adopt_orphans() -> None:
    """Become the parent of every process below this one whose own parent has ended (Linux)."""
    if IS_LINUX:
        prctl(PR_SET_CHILD_SUBREAPER, 1)


def refuse_new_rights() -> None:
    """From here on no program that is started gives more rights than this process has (Linux)."""
    if IS_LINUX:
        prctl(PR_SET_NO_NEW_PRIVS, 1)


def limit(*, file_bytes: int, processes: bool) -> None:
    """Bound the size of a file; leave no core; bound processes and threads of this user."""
    for what, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, file_bytes)):
        _lower(what, most)
    if processes:
        _lower(resource.RLIMIT_NPROC, MOST_PROCESSES)


def become_nobody(
    *, own: str, readable: Iterable[str], writable: Iterable[str], files_are_confined: bool
) -> bool:
    """Change from root to a user that nothing else belongs to, and give it the folder ``own``.

    Where something ``readable`` is closed to other users, as an interpreter below ``/root`` is,
    the right to read past that is kept, or for what is ``writable`` to write, and no other; and
    only if something else confines what is read and written.

    Returns
    -------
    bool
        Whether this process is now that user; a container may forbid it.
    """
    right = None
    if not all(_is_open(path, stat.S_IROTH) for path in (own, *readable)):
        right = CAP_DAC_READ_SEARCH
    if not all(_is_open(path, stat.S_IWOTH) for path in writable):
        right = CAP_DAC_OVERRIDE
    if right is not None and not files_are_confined:
        return False
    # by its folder, which no other has: a process id is the same in every namespace
    for user in (FIRST_USER + Path(own).stat().st_ino % N_USERS, NOBODY):
        try:
            os.chown(own, user, user)
            if right is not None and IS_LINUX:
                prctl(PR_SET_KEEPCAPS, 1)
                _drop_bounding(but=right)
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        except OSError:
            continue
        _keep_only(right)
        return True
    return False


def give_up_rights() -> None:
    """Give up every right that root, or a user in a namespace of its own, has for good."""
    _drop_bounding(but=None)
    _keep_only(None)


def _is_open(path: str, how: int) -> bool:
    """Whether any user may walk to ``path``, and do there what ``how`` says."""
    try:
        found = Path(path).resolve()
        walks = all(folder.stat().st_mode & stat.S_IXOTH for folder in found.parents)
        return walks and bool(found.stat().st_mode & how)
    except OSError:
        return True  # it is not there


def _lower(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(what, (most, most))


def _drop_bounding(*, but: int | None) -> None:
    for number in range(LAST_CAPABILITY + 1):
        if number != but:
            prctl(PR_CAPBSET_DROP, number)


def _keep_only(right: int | None) -> None:
    if not IS_LINUX:
        return
    kept = 0 if right is None else 1 << right
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    # two times (effective, permitted, inheritable): the low and the high 32 rights
    libc().capset(header, (ctypes.c_uint32 * 6)(kept, kept, kept, 0, 0, 0))
    if right is not None:  # for the programs that it starts, too
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, right)
