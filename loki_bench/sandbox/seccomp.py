"""A filter of system calls (seccomp-bpf): what an attack or a defense never needs is refused.

It holds for the process, its threads and children, for good, and needs no rights. Landlock and
namespaces know files, addresses and processes; a filter knows only the call, so it refuses whole
calls: sockets, tracing, modes and times of files, memory that is shared by name, new namespaces.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from loki_bench.kernel import IS_LINUX, prctl

__all__ = ["program", "refuse_calls", "table"]

PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2

# One instruction of classic BPF: code, jump if true, jump if false, value.
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, ERROR = 0x7FFF0000, 0x00050000
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
"""Where they lie in ``struct seccomp_data``; an argument has 8 bytes, its low half first."""

X32 = 0x40000000
"""From here on x86_64 counts the same calls again, for programs with short pointers."""
NEW_NAMESPACES = 0x7E020000
TERMINAL_INPUT = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX: type on somebody's terminal."""
SIGNAL_OWNER = (8, 10, 15)
"""F_SETOWN, F_SETSIG, F_SETOWN_EX: have the kernel send the signal."""

REFUSED = (
    # the network, and sockets of this machine; an inherited one and socketpair() still work
    "socket",
    # other processes
    *("ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_open", "pidfd_getfd"),
    *("process_madvise", "process_mrelease", "pidfd_send_signal", "setpriority", "ioprio_set"),
    *("sched_setparam", "sched_setscheduler", "sched_setattr", "migrate_pages", "move_pages"),
    # modes, owners, times and attributes of files: Landlock does not know these calls
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat"),
    *("utime", "utimes", "futimesat", "utimensat", "file_setattr"),
    *("setxattr", "lsetxattr", "fsetxattr", "setxattrat"),
    *("removexattr", "lremovexattr", "fremovexattr", "removexattrat"),
    # what outlives a process, or is shared by name: keys, System V and POSIX queues and memory
    *("add_key", "request_key", "keyctl", "shmget", "shmat", "shmctl", "mq_open", "mq_unlink"),
    *("semget", "semop", "semctl", "semtimedop", "msgget", "msgsnd", "msgrcv", "msgctl"),
    # files without a path, and who opened which
    *("open_by_handle_at", "name_to_handle_at", "inotify_init", "inotify_init1"),
    *("inotify_add_watch", "fanotify_init", "fanotify_mark"),
    # namespaces and mounts
    *("unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount"),
    *("fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr"),
    # the kernel itself
    *("bpf", "perf_event_open", "userfaultfd", "init_module", "finit_module", "delete_module"),
    *("kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "acct", "quotactl"),
    *("quotactl_fd", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "syslog"),
    *("sethostname", "setdomainname", "iopl", "ioperm", "vhangup", "lookup_dcookie"),
)
UNKNOWN = ("io_uring_setup", "io_uring_enter", "io_uring_register", "clone3", "memfd_create")
"""Answered as by a kernel that lacks them: libraries then take another way. Rings carry other
calls past the filter, clone3 hides its flags from it, and such memory is no process's own."""
ONLY_OWN = ("prlimit64", "sched_setaffinity")
"""Allowed with process 0, which is the caller itself."""
SIGNALS = ("kill", "tgkill")
"""Where neither a namespace nor Landlock keeps signals in, allowed to itself and its group."""
SIGNALS_BY_THREAD = ("tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")


def _numbers(told: str) -> dict[str, int]:
    return {name: int(number) for name, _, number in (one.partition("=") for one in told.split())}


_SINCE_5 = _numbers(
    """
    pidfd_send_signal=424 io_uring_setup=425 io_uring_enter=426 io_uring_register=427
    open_tree=428 move_mount=429 fsopen=430 fsconfig=431 fsmount=432 fspick=433 pidfd_open=434
    clone3=435 pidfd_getfd=438 process_madvise=440 mount_setattr=442 quotactl_fd=443
    process_mrelease=448 fchmodat2=452 setxattrat=463 removexattrat=466 file_setattr=469
    """
)
"""Newer calls have one number on all architectures."""

_X86_64 = _numbers(
    """
    ioctl=16 shmget=29 shmat=30 shmctl=31 socket=41 clone=56 kill=62 semget=64 semop=65 semctl=66
    msgget=68 msgsnd=69 msgrcv=70 msgctl=71 fcntl=72 chmod=90 fchmod=91 chown=92 fchown=93
    lchown=94 ptrace=101 syslog=103 rt_sigqueueinfo=129 utime=132 setpriority=141
    sched_setparam=142 sched_setscheduler=144 vhangup=153 pivot_root=155 adjtimex=159 chroot=161
    acct=163 settimeofday=164 mount=165 umount2=166 swapon=167 swapoff=168 reboot=169
    sethostname=170 setdomainname=171 iopl=172 ioperm=173 init_module=175 delete_module=176
    quotactl=179 setxattr=188 lsetxattr=189 fsetxattr=190 removexattr=197 lremovexattr=198
    fremovexattr=199 tkill=200 sched_setaffinity=203 lookup_dcookie=212 semtimedop=220
    clock_settime=227 tgkill=234 utimes=235 mq_open=240 mq_unlink=241 kexec_load=246 add_key=248
    request_key=249 keyctl=250 ioprio_set=251 inotify_init=253 inotify_add_watch=254
    migrate_pages=256 fchownat=260 futimesat=261 fchmodat=268 unshare=272 move_pages=279
    utimensat=280 inotify_init1=294 rt_tgsigqueueinfo=297 perf_event_open=298 fanotify_init=300
    fanotify_mark=301 prlimit64=302 name_to_handle_at=303 open_by_handle_at=304 clock_adjtime=305
    setns=308 process_vm_readv=310 process_vm_writev=311 kcmp=312 finit_module=313
    sched_setattr=314 memfd_create=319 kexec_file_load=320 bpf=321 userfaultfd=323
    """
)
_AARCH64 = _numbers(
    """
    setxattr=5 lsetxattr=6 fsetxattr=7 removexattr=14 lremovexattr=15 fremovexattr=16
    lookup_dcookie=18 fcntl=25 inotify_init1=26 inotify_add_watch=27 ioctl=29 ioprio_set=30
    umount2=39 mount=40 pivot_root=41 chroot=51 fchmod=52 fchmodat=53 fchownat=54 fchown=55
    vhangup=58 quotactl=60 utimensat=88 acct=89 unshare=97 kexec_load=104 init_module=105
    delete_module=106 clock_settime=112 syslog=116 ptrace=117 sched_setparam=118
    sched_setscheduler=119 sched_setaffinity=122 kill=129 tkill=130 tgkill=131 rt_sigqueueinfo=138
    setpriority=140 reboot=142 sethostname=161 setdomainname=162 settimeofday=170 adjtimex=171
    mq_open=180 mq_unlink=181 msgget=186 msgctl=187 msgrcv=188 msgsnd=189 semget=190 semctl=191
    semtimedop=192 semop=193 shmget=194 shmctl=195 shmat=196 socket=198 add_key=217
    request_key=218 keyctl=219 clone=220 swapon=224 swapoff=225 migrate_pages=238 move_pages=239
    rt_tgsigqueueinfo=240 perf_event_open=241 prlimit64=261 fanotify_init=262 fanotify_mark=263
    name_to_handle_at=264 open_by_handle_at=265 clock_adjtime=266 setns=268 process_vm_readv=270
    process_vm_writev=271 kcmp=272 finit_module=273 sched_setattr=274 memfd_create=279 bpf=280
    userfaultfd=282 kexec_file_load=294
    """
)
_ARCHITECTURES: Mapping[str, tuple[int, dict[str, int]]] = MappingProxyType(
    {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _AARCH64)}
)


def table(machine: str) -> Mapping[str, int]:
    """The numbers of the calls that a filter names, by architecture (``platform.machine()``)."""
    return MappingProxyType({**_ARCHITECTURES[machine][1], **_SINCE_5})


def refuse_calls(*, signals_are_kept_in: bool) -> bool:
    """Put the filter in force for this process; it must have no new privileges.

    Returns
    -------
    bool
        Whether it is so: Linux on x86_64 or aarch64.
    """
    machine = platform.machine()
    if not IS_LINUX or machine not in _ARCHITECTURES:
        return False
    own = None if signals_are_kept_in else os.getpid()
    instructions = program(machine, signals_only_to=own)
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *i) for i in instructions))
    filtered = _Program(len(instructions), ctypes.addressof(code))
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(filtered))


def program(machine: str, *, signals_only_to: int | None) -> list[tuple[int, int, int, int]]:
    """The filter's instructions; ``signals_only_to`` is a process id, None to leave signals be."""
    architecture, _ = _ARCHITECTURES[machine]
    numbers = table(machine)
    denied = [(RETURN, 0, 0, ERROR | errno.EPERM)]
    unknown = [(RETURN, 0, 0, ERROR | errno.ENOSYS)]
    written = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, architecture), *unknown]
    written.append((LOAD, 0, 0, NUMBER))
    if machine == "x86_64":
        written += [(AT_LEAST, 0, 1, X32), *unknown]
    for name in REFUSED:
        if name in numbers:  # each architecture lacks some
            written += [(EQUAL, 0, 1, numbers[name]), *denied]
    for name in UNKNOWN:
        written += [(EQUAL, 0, 1, numbers[name]), *unknown]
    for name in ONLY_OWN:
        written += _unless_argument(numbers[name], 0, allowed=[0])
    written += _if_argument(numbers["ioctl"], 1, refused=TERMINAL_INPUT)
    written += _if_argument(numbers["fcntl"], 1, refused=SIGNAL_OWNER)
    flags = [(LOAD, 0, 0, ARGUMENTS), (ANY_BIT, 0, 1, NEW_NAMESPACES), *denied]
    written += _for_call(numbers["clone"], flags)
    if signals_only_to is not None:
        for name in SIGNALS:
            written += _unless_argument(numbers[name], 0, allowed=[0, signals_only_to])
        for name in SIGNALS_BY_THREAD:
            written += [(EQUAL, 0, 1, numbers[name]), *denied]
    return [*written, (RETURN, 0, 0, ALLOW)]


def _for_call(
    number: int, instructions: list[tuple[int, int, int, int]]
) -> list[tuple[int, int, int, int]]:
    """Instructions for one call alone; the call's number is loaded again after them."""
    inside = [*instructions, (LOAD, 0, 0, NUMBER)]
    return [(EQUAL, 0, len(inside), number), *inside]


def _if_argument(
    number: int, place: int, *, refused: Iterable[int]
) -> list[tuple[int, int, int, int]]:
    inside = [(LOAD, 0, 0, ARGUMENTS + 8 * place)]
    for value in refused:
        inside += [(EQUAL, 0, 1, value), (RETURN, 0, 0, ERROR | errno.EPERM)]
    return _for_call(number, inside)


def _unless_argument(
    number: int, place: int, *, allowed: list[int]
) -> list[tuple[int, int, int, int]]:
    inside = [(LOAD, 0, 0, ARGUMENTS + 8 * place)]
    for left, value in zip(range(len(allowed) - 1, -1, -1), allowed, strict=True):
        inside.append((EQUAL, left + 1, 0, value))
    return _for_call(number, [*inside, (RETURN, 0, 0, ERROR | errno.EPERM)])


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))
