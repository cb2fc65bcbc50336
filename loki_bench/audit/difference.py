"""The first number in which a cell that was computed again differs from the stored one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loki_bench.bounded_files import json_object, read_regular
from loki_bench.leaderboard.comparability import differing_fields
from loki_bench.records.arrays import BROKEN, plain_arrays
from loki_bench.records.store import LARGEST_ARTEFACT, Store, artefact_kind

__all__ = ["artefact_difference", "cell_difference", "record_difference"]


def cell_difference(
    stored: Store, again: Store, old: Mapping[str, Any], new: Mapping[str, Any]
) -> str | None:
    """The first difference of one cell in the order of its making; None where there is none.

    Poison, clean ranks and ranks are compared number by number, then the record field by field.
    """
    ids = old.get("artefacts", {})
    other = new.get("artefacts", {})
    for what in ids:
        if what.endswith("_digest") or what not in other:
            continue
        files = [
            store.folder / "artefacts" / artefact_kind(what) / f"{names[what]}.npz"
            for store, names in ((stored, ids), (again, other))
        ]
        if all(file.is_file() for file in files):
            difference = artefact_difference(*files)
            if difference is not None:
                return f"{what}: {difference}"
    return record_difference(old, new)


def record_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """The first field in which two records differ, with both values."""
    if new.get("status") != old.get("status"):
        ended = f"{new.get('status')}: {new.get('reason')}"
        return f"it is {old.get('status')} in the record and here it ends as {ended}"
    differences = differing_fields([old, new])
    if not differences:
        return None
    # metrics before what only follows from them
    name = min(differences, key=lambda field: not field.startswith("metrics"))
    stored, found = differences[name][0], differences[name][-1]
    more = f" ({len(differences)} fields differ)" if len(differences) > 1 else ""
    return f"{name} is {stored!r} in the record and {found!r} here{more}"


def artefact_difference(old: Path, new: Path) -> str | None:
    """The first number in which two ``.npz`` files differ, with both values."""
    try:
        before, after = _arrays(old), _arrays(new)
        about = [json_object(arrays["about"].tobytes())["meta"] for arrays in (before, after)]
    except BROKEN:
        return f"{old.name} in the store is not a whole artefact"
    for name in before:
        if name == "about":
            continue
        a, b = before[name], after.get(name)
        if b is None or a.shape != b.shape or a.dtype != b.dtype:
            found = "absent" if b is None else f"{b.dtype} {b.shape}"
            return f"{name} is {a.dtype} {a.shape} in the store and {found} here"
        differ = (a != b) & ~((a != a) & (b != b))  # NaN at the same place is the same
        if differ.any():
            place = tuple(int(i) for i in np.argwhere(differ)[0])
            at = ", ".join(map(str, place))
            return (
                f"{name}[{at}] is {a[place].item()!r} in the store and {b[place].item()!r} here "
                f"({int(differ.sum())} of {a.size} numbers differ)"
            )
    return record_difference(about[0], about[1])


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    return plain_arrays(read_regular(path, at_most=LARGEST_ARTEFACT), at_most=LARGEST_ARTEFACT)
