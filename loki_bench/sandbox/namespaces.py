"""Linux namespaces: a process that sees no other process, no network and nobody's shared memory.

Root may have them unless its container forbids it; others through a namespace of users, where
the system allows that. What could be had is told; nothing here is an error.
"""

import os
from pathlib import Path

from loki_bench.kernel import IS_LINUX, libc

__all__ = ["enter", "mount_own_processes"]

MOUNTS, IPC, USERS, PROCESSES, NETWORK = 0x00020000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
WANTED = MOUNTS | IPC | PROCESSES | NETWORK
NAMES = ("ipc", "mount", "network", "pid")

MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 1 << 14, 1 << 18


def enter() -> tuple[str, ...]:
    """Give this process namespaces of its own; the next process that it starts is in them.

    Returns
    -------
    tuple of str
        ``NAMES``, with ``"user"`` where a namespace of users was needed; empty where the system
        gives none.
    """
    if not IS_LINUX:
        return ()
    if os.geteuid() == 0:
        return NAMES if libc().unshare(WANTED) == 0 else ()
    if not _works_for_users():
        return ()
    _enter_as_user()
    return (*NAMES, "user")


def mount_own_processes() -> bool:
    """Show in ``/proc`` the processes of this namespace alone; whether the system allows it."""
    if libc().mount(None, b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        return False
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    return bool(libc().mount(b"proc", b"/proc", b"proc", flags, None) == 0)


def _works_for_users() -> bool:
    """Tried in a process that is thrown away: there is no way back out of half a namespace."""
    tried = os.fork()
    if not tried:
        try:
            _enter_as_user()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(tried, 0)[1] == 0


def _enter_as_user() -> None:
    user, group = os.geteuid(), os.getegid()
    if libc().unshare(USERS | WANTED) != 0:
        raise OSError("no namespaces")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
