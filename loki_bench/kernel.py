"""Calls to the Linux kernel that Python's standard library does not have."""

import ctypes
import os
import signal
import sys
from functools import lru_cache

__all__ = ["IS_LINUX", "address_of", "die_with", "libc", "prctl", "system_call"]

IS_LINUX = sys.platform == "linux"

PR_SET_PDEATHSIG = 1


@lru_cache(maxsize=1)
def libc() -> ctypes.CDLL:
    """The C library of this process."""
    return ctypes.CDLL(None, use_errno=True)


def prctl(option: int, *values: int) -> bool:
    """``prctl(2)``; whether the kernel did it."""
    four = [*values, 0, 0, 0, 0][:4]
    return bool(libc().prctl(option, *(ctypes.c_ulong(value) for value in four)) == 0)


def die_with(parent: int) -> None:
    """End this process when its parent does (Linux); call it after the last change of the user.

    The kernel ends it, whatever its threads are at. A parent is the thread that started the
    process.
    """
    if IS_LINUX:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before it was asked for
            os._exit(1)


def system_call(number: int, *values: "int | ctypes.c_void_p | None") -> int:
    """``syscall(2)`` by its number; raises ``OSError`` where the kernel refuses it."""
    taken = [ctypes.c_long(v) if isinstance(v, int) else v for v in values]
    answer = int(libc().syscall(ctypes.c_long(number), *taken))
    if answer < 0:
        number_of_error = ctypes.get_errno()
        raise OSError(number_of_error, os.strerror(number_of_error))
    return answer


def address_of(structure: "ctypes.Structure | ctypes.Array[ctypes.c_uint64]") -> ctypes.c_void_p:
    """A structure's address, as a system call takes it; keep the structure meanwhile."""
    return ctypes.c_void_p(ctypes.addressof(structure))
