"""Calls to the Linux kernel that Python's standard library does not have."""

import ctypes
import os
import sys
from functools import lru_cache

__all__ = ["IS_LINUX", "address_of", "libc", "prctl", "system_call"]

IS_LINUX = sys.platform == "linux"


@lru_cache(maxsize=1)
def libc() -> ctypes.CDLL:
    """The C library of this process."""
    return ctypes.CDLL(None, use_errno=True)


def prctl(option: int, *values: int) -> bool:
    """``prctl(2)``; whether the kernel did it."""
    four = [*values, 0, 0, 0, 0][:4]
    return bool(libc().prctl(option, *(ctypes.c_ulong(value) for value in four)) == 0)


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
