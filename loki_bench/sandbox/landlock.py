"""What a process gives up before a plugin's code runs in it, where the system can (Linux).

It stops leaks: a result that is better because the attack looked where it should not. It does not
stop malice: a plugin is code that runs as the user who started it.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

__all__ = ["allow_writes_only_in", "die_with_parent", "drop_tracing", "hide_memory"]

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
CAP_SYS_PTRACE = 19
CAPABILITY_VERSION_3 = 0x20080522

# Numbers of the system calls, the same on every architecture that has them (asm-generic).
LANDLOCK_CREATE_RULESET = 444
LANDLOCK_ADD_RULE = 445
LANDLOCK_RESTRICT_SELF = 446
LANDLOCK_CREATE_RULESET_VERSION = 1
LANDLOCK_RULE_PATH_BENEATH = 1
WRITE_FILE, REFER, TRUNCATE = 1 << 1, 1 << 13, 1 << 14
REMOVE_AND_MAKE = sum(1 << bit for bit in range(4, 13))
"""Remove a folder or file; make a device, folder, file, socket, pipe, block device or link."""


def hide_memory() -> None:
    """Let no other process of the same user read this one's memory, files or environment.

    Linux, through ``PR_SET_DUMPABLE``; as root it holds against processes without the right to
    trace (:func:`drop_tracing`). Elsewhere nothing is done.
    """
    if sys.platform == "linux":
        _libc().prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def die_with_parent(parent: int) -> None:
    """End this process when the one with process id ``parent`` ends, whatever it is doing."""
    if sys.platform == "linux":
        _libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before it was asked for
            os._exit(1)


def drop_tracing() -> None:
    """Give up the right to read other processes' memory, which root has, for good."""
    if sys.platform != "linux":
        return
    libc = _libc()
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    # two times (effective, permitted, inheritable): the low and the high 32 capabilities
    sets = (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets) == 0:
        for number in range(3):
            sets[number] &= ~(1 << CAP_SYS_PTRACE) & 0xFFFFFFFF
        libc.capset(header, sets)


def allow_writes_only_in(folders: list[Path]) -> bool:
    """Refuse this process and its children every change of a file outside some folders.

    Returns
    -------
    bool
        Whether it is so: Linux 5.13 and later with Landlock. Reading stays allowed.
    """
    if sys.platform != "linux":
        return False
    libc = _libc()
    version = libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, LANDLOCK_CREATE_RULESET_VERSION)
    if version < 1:
        return False
    refused = WRITE_FILE | REMOVE_AND_MAKE
    refused |= (REFER if version >= 2 else 0) | (TRUNCATE if version >= 3 else 0)
    attributes = (ctypes.c_uint64 * 1)(refused)
    rules = libc.syscall(LANDLOCK_CREATE_RULESET, attributes, ctypes.sizeof(attributes), 0)
    if rules < 0:
        return False
    try:
        for folder in folders:
            _allow(libc, rules, folder, refused)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return bool(libc.syscall(LANDLOCK_RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"  # Python 3.14 asks for it beside _pack_
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def _allow(libc: ctypes.CDLL, rules: int, folder: Path, what: int) -> None:
    try:
        opened = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # a folder that is not there needs no rule
    try:
        rule = _PathBeneath(what, opened)
        libc.syscall(LANDLOCK_ADD_RULE, rules, LANDLOCK_RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(opened)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
