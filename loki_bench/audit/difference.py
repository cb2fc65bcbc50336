"""The first number in which a cell that was computed again differs from the stored one."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from loki_bench.answer_checks import NamedArrays
from loki_bench.bounded_files import LARGEST_ARTEFACT, json_object, read_regular
from loki_bench.json_values import JsonObject
from loki_bench.leaderboard.comparability import differing_fields
from loki_bench.records.arrays import BROKEN, plain_arrays
from loki_bench.records.schema import Record
from loki_bench.records.store import Store, artefact_kind

__all__ = ["artefact_difference", "cell_difference", "record_difference"]

NOT_COMPARED: dict[str, object] = {
    "not_deterministic": "",
    "confinement": None,
    "others_confinement": None,
}
"""What a record says of the machine that made it, or of work that is not done again."""


def cell_difference(stored: Store, again: Store, old: Record, new: Record) -> str | None:
    """The first difference of one cell in the order of its making; None where there is none.

    Poison, clean ranks and ranks are compared number by number, then the record field by field.
    """
    ids, other = old.artefact_addresses, new.artefact_addresses
    for what in ids:
        if what not in other:
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


def record_difference(old: Record, new: Record) -> str | None:
    """The first field in which two records differ, with both values; metrics before all else."""
    if new.status != old.status:
        return f"it is {old.status} in the record and here it ends as {new.status}: {new.reason}"
    values: list[JsonValue] = [
        {"metrics": {metric.label: metric.value for metric in record.metrics}}
        for record in (old, new)
    ]
    contents: list[JsonValue] = [
        {**record.model_copy(update=NOT_COMPARED).to_json(), "metrics": _infos(record)}
        for record in (old, _as_told(new, old))
    ]
    return _first_difference({**differing_fields(values), **differing_fields(contents)})


def _as_told(record: Record, old: Record) -> Record:
    """Without the names of targets where an older record has none."""
    if record.goal is None or old.goal is None or old.goal.item_tokens or old.goal.user_tokens:
        return record
    unnamed = record.goal.model_copy(update={"item_tokens": (), "user_tokens": ()})
    return record.model_copy(update={"goal": unnamed})


def _infos(record: Record) -> dict[str, JsonValue]:
    """What the record says of its metrics, apart from their values and their order."""
    return {metric.label: metric.info.model_dump(mode="json") for metric in record.metrics}


def _first_difference(differences: Mapping[str, list[JsonValue]]) -> str | None:
    for name, values in differences.items():
        more = f" ({len(differences)} fields differ)" if len(differences) > 1 else ""
        return f"{name} is {values[0]!r} in the record and {values[-1]!r} here{more}"
    return None


def artefact_difference(old: Path, new: Path) -> str | None:
    """The first number in which two ``.npz`` files differ, with both values."""
    try:
        before, after = _arrays(old), _arrays(new)
        about = [_facts(arrays) for arrays in (before, after)]
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
    return _first_difference(differing_fields(about))


def _facts(arrays: NamedArrays) -> JsonObject:
    """What stands beside the arrays, but for what is of the machine that made them."""
    facts = json_object(arrays["about"].tobytes())["meta"]
    if not isinstance(facts, dict):
        raise ValueError("its facts are no object")
    return {name: fact for name, fact in facts.items() if name != "confinement"}


def _arrays(path: Path) -> NamedArrays:
    return plain_arrays(read_regular(path, at_most=LARGEST_ARTEFACT), at_most=LARGEST_ARTEFACT)
