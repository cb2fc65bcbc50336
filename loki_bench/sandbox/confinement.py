"""What a plugin's process is kept from, and by what: every means that the system has, together.

Which they are differs between kernels, containers and users. So each is tried at the start, and
what came into force is written down: a result says what kept its attack honest.
"""

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from loki_bench.kernel import IS_LINUX
from loki_bench.sandbox import landlock, seccomp
from loki_bench.sandbox.own_root import enter_own_root
from loki_bench.sandbox.privileges import (
    become_nobody,
    give_up_rights,
    limit,
    refuse_new_rights,
)

if TYPE_CHECKING:  # it imports what a process need not have read before it is confined
    from loki_bench.json_values import JsonObject

__all__ = [
    "NOT_CONFINED",
    "Confinement",
    "World",
    "confine",
    "confinement_of",
    "part_in_force",
    "summary_of",
    "weakest",
]

NPROC_COUNTS_BY_NAMESPACE = (5, 14)


@dataclass(frozen=True, kw_only=True)
class World:
    """The part of the machine that a plugin's process may see and change.

    Attributes
    ----------
    readable : tuple of str
        Folders and files that it may read, and programs in them that it may start.
    listed : tuple of str
        Folders in which it may see names alone.
    devices : tuple of str
        Files that it may read and write.
    own : str
        The folder in which it may do everything.
    shared : tuple of str
        Folders of the host's in which it may do everything, too.
    file_bytes : int
        The most that a file may hold that it writes.
    """

    readable: tuple[str, ...]
    listed: tuple[str, ...]
    devices: tuple[str, ...]
    own: str
    shared: tuple[str, ...]
    file_bytes: int


@dataclass(frozen=True, kw_only=True)
class Confinement:
    """What was in force while a plugin's code ran; each attribute names the means, in words.

    An empty tuple says that nothing was.

    Attributes
    ----------
    reads
        It can read the interpreter, installed packages and its own folder alone.
    writes
        It can change its own folder alone.
    attributes
        It can't change modes, owners, times or extended attributes.
    network
        It can't reach a network, a name server or a local socket.
    signals
        It can't signal, stop or trace a process but its own.
    children
        What it started ends with it.
    user
        It has no right of root.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    user: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """What nothing kept the process from."""
        return tuple(field.name for field in fields(self) if not getattr(self, field.name))

    @property
    def in_force(self) -> tuple[str, ...]:
        """What the process was kept from, by the names of the attributes."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name))

    @property
    def summary(self) -> str:
        """``"full"``, ``"partial: "`` and what is missing, or ``"not confined"``."""
        if not self.missing:
            return "full"
        if self == NOT_CONFINED:
            return "not confined"
        return f"partial: without {', '.join(self.missing)}"

    def as_json(self) -> "JsonObject":
        """The attributes as plain data."""
        return {name: list(means) for name, means in asdict(self).items()}


NOT_CONFINED = Confinement()


def summary_of(in_force: Iterable[str]) -> str:
    """:attr:`Confinement.summary` of the names that are in force."""
    named = set(in_force)
    return Confinement(
        **{field.name: (field.name,) for field in fields(Confinement) if field.name in named}
    ).summary


def confinement_of(told: object) -> Confinement:
    """What a process told in JSON; ``ValueError`` where that is something else."""
    names = {field.name for field in fields(Confinement)}
    if not isinstance(told, dict) or set(told) != names:
        raise ValueError(f"expected what is in force for {', '.join(sorted(names))}")
    for means in told.values():
        if not isinstance(means, list) or not all(isinstance(one, str) for one in means):
            raise ValueError("expected lists of text")
    return Confinement(**{name: tuple(means) for name, means in told.items()})


def weakest(confinements: Sequence[Confinement]) -> Confinement:
    """What was in force in each of several processes; :data:`NOT_CONFINED` of none."""
    return Confinement(
        **{
            field.name: getattr(confinements[0], field.name)
            for field in fields(Confinement)
            if confinements and all(getattr(one, field.name) for one in confinements)
        }
    )


def part_in_force(process: "JsonObject") -> tuple[str, ...] | None:
    """What a process of its own was kept from, where that was not all; None where it was.

    Parameters
    ----------
    process : dict
        Of :class:`~loki_bench.timing.Timed`: empty where there was no such process.
    """
    if process.get("isolation", "in-process") == "in-process":
        return None
    confined = confinement_of(process.get("confinement"))
    return confined.in_force if confined.missing else None


def confine(world: World, *, namespaces: tuple[str, ...], own_processes: bool) -> Confinement:
    """Keep this process, which must have one thread, inside ``world``, for good.

    Parameters
    ----------
    namespaces : tuple of str
        Which it is in already, see :func:`loki_bench.sandbox.namespaces.enter`.
    own_processes : bool
        Whether ``/proc`` shows only the processes of its namespace.
    """
    if not IS_LINUX:
        limit(file_bytes=world.file_bytes, processes=False)
        return NOT_CONFINED
    was_root = os.geteuid() == 0
    refuse_new_rights()
    processes = ("/proc",) if own_processes else ()
    version = landlock.restrict(
        readable=(*world.readable, *processes),
        listed=world.listed,
        devices=world.devices,
        writable=(world.own, *world.shared),
    )
    # Landlock is the better of the two: it keeps signals and TCP in, too
    has_own_root = (
        not version
        and own_processes
        and enter_own_root(
            readable=world.readable,
            devices=world.devices,
            writable=(world.own, *world.shared),
            own=world.own,
        )
    )
    by_mounts = ("mount namespace",) if has_own_root else ()
    user = _without_root(world, was_root=was_root, files_are_confined=version > 0 or has_own_root)
    limit(
        file_bytes=world.file_bytes,
        processes=user == ("user of its own",) or ("user" in namespaces and _counts_apart()),
    )
    kept_in = "pid" in namespaces or version >= 6
    filtered = seccomp.refuse_calls(signals_are_kept_in=kept_in)
    by_filter = ("seccomp",) if filtered else ()
    by_landlock = (f"landlock {version}",) if version else ()
    return Confinement(
        reads=by_landlock or by_mounts,
        # before version 3 a file can be cut to nothing, though not written
        writes=by_mounts or (by_landlock if version >= 3 or user == ("user of its own",) else ()),
        attributes=by_filter,
        network=(*_named("network", namespaces), *by_filter),
        signals=(
            *_named("pid", namespaces),
            *(by_landlock if version >= 6 else ()),
            *(by_filter if not kept_in else ()),
        ),
        children=_named("pid", namespaces) or ("supervisor",),
        user=user,
    )


def _without_root(world: World, *, was_root: bool, files_are_confined: bool) -> tuple[str, ...]:
    if was_root and become_nobody(
        own=world.own,
        readable=world.readable,
        writable=world.shared,
        files_are_confined=files_are_confined,
    ):
        return ("user of its own",)
    give_up_rights()
    return () if was_root else ("the user of the host",)


def _named(name: str, namespaces: tuple[str, ...]) -> tuple[str, ...]:
    return (f"{name} namespace",) if name in namespaces else ()


def _counts_apart() -> bool:
    """Whether the kernel counts the processes of a namespace of users for itself."""
    numbers = platform.release().split(".")[:2]
    return all(n.isdigit() for n in numbers) and (
        tuple(map(int, numbers)) >= NPROC_COUNTS_BY_NAMESPACE
    )
