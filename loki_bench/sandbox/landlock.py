"""Landlock: a Linux process gives up reading, writing, connecting and signalling, by allow-list.

Each version of the kernel's interface (ABI) refuses more: 1 (Linux 5.13) reading and writing of
files, 2 moving them between folders, 3 cutting them, 4 (6.7) TCP, 5 control of devices, 6 (6.12)
signals and abstract sockets. What stays open: looking at names, sizes and times of files, and
changing the modes, times and attributes of those that the user owns (:mod:`.seccomp` refuses it).
"""

import ctypes
import os
from collections.abc import Iterable

from loki_bench.kernel import IS_LINUX, address_of, system_call

__all__ = ["abi", "restrict"]

# Numbers of the system calls, the same on every architecture that has them (asm-generic).
CREATE_RULESET = 444
ADD_RULE = 445
RESTRICT_SELF = 446
CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = (1 << bit for bit in range(4))
REMOVE_AND_MAKE = sum(1 << bit for bit in range(4, 13))
"""Remove a folder or file; make a device, folder, file, socket, pipe, block device or link."""
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
BIND_AND_CONNECT_TCP = 0b11
ABSTRACT_SOCKETS_AND_SIGNALS = 0b11


def abi() -> int:
    """Which version of Landlock this kernel has; 0 for none."""
    if not IS_LINUX:
        return 0
    try:
        return system_call(CREATE_RULESET, None, 0, CREATE_RULESET_VERSION)
    except OSError:
        return 0


def restrict(
    *,
    readable: Iterable[str],
    listed: Iterable[str] = (),
    devices: Iterable[str],
    writable: Iterable[str],
) -> int:
    """Refuse this process and its children all files but some, for good.

    TCP, signals to processes that are not its children, and abstract sockets are refused with
    them where the kernel can. The process must have one thread and no new privileges.

    Parameters
    ----------
    readable : iterable of str
        Folders and files that can be read, and programs in them that can be started.
    listed : iterable of str
        Folders in which names can be seen, and no more.
    devices : iterable of str
        Files that can be read and written.
    writable : iterable of str
        Folders in which everything is allowed.

    Returns
    -------
    int
        The version of Landlock in force; 0 for none.
    """
    version = abi()
    if version < 1:
        return 0
    reading = EXECUTE | READ_FILE | READ_DIR
    writing = WRITE_FILE | REMOVE_AND_MAKE
    writing |= (REFER if version >= 2 else 0) | (TRUNCATE if version >= 3 else 0)
    refused = _Refused(
        reading | writing | (IOCTL_DEV if version >= 5 else 0),
        BIND_AND_CONNECT_TCP,
        ABSTRACT_SOCKETS_AND_SIGNALS,
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    try:
        rules = system_call(CREATE_RULESET, address_of(refused), size, 0)
    except OSError:
        return 0
    try:
        for path in readable:
            _allow(rules, path, reading)
        for path in listed:
            _allow(rules, path, READ_DIR)
        for path in devices:
            _allow(rules, path, READ_FILE | WRITE_FILE)
        for path in writable:
            _allow(rules, path, reading | writing)
        system_call(RESTRICT_SELF, rules, 0)
    except OSError:
        return 0
    finally:
        os.close(rules)
    return version


class _Refused(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"  # Python 3.14 asks for it beside _pack_
    _fields_ = (("allowed", ctypes.c_uint64), ("path", ctypes.c_int32))


def _allow(rules: int, path: str, what: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there needs no rule
    try:
        if not os.path.isdir(path):  # noqa: PTH112  # as quick as can be, for hundreds of paths
            what &= EXECUTE | READ_FILE | WRITE_FILE
        rule = _PathBeneath(what, opened)
        system_call(ADD_RULE, rules, RULE_PATH_BENEATH, address_of(rule), 0)
    finally:
        os.close(opened)
