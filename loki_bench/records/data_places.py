"""Where the files of somebody's own data lay when a folder's cells were run, for who checks them.

Records name such files and do not say where they are kept. The note lies in ``work``, which is no
part of what is published, and is read only where this installation wrote it.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from loki_bench.bounded_files import home_expanded, json_object
from loki_bench.content_ids import canonical_json
from loki_bench.records.store import Store
from loki_bench.suite.own_paths import FILE_PARAMETERS

__all__ = [
    "data_places",
    "in_turn",
    "keep_data_places",
    "places_of",
    "unheard",
]

NAME = "work/data.json"


def in_turn() -> Callable[[str], str]:
    """Names the files of a dataset, told in the order of its parameters.

    Records keep a file's own name, and ``train/events.csv`` and ``test/events.csv`` have the same:
    the first is ``events.csv`` in a note, and the second ``2/events.csv``, which no file is called.
    """
    told: Counter[str] = Counter()

    def named(name: str) -> str:
        told[name] += 1
        return name if told[name] == 1 else f"{told[name]}/{name}"

    return named


def places_of(parameters: Mapping[str, object]) -> dict[str, str]:
    """The absolute paths of the files that a dataset's parameters name, by :func:`in_turn`."""
    found: dict[str, str] = {}
    named = in_turn()
    for key in FILE_PARAMETERS:
        value = parameters.get(key, [])
        for text in value if isinstance(value, list) else [value]:
            path = home_expanded(str(text)).absolute()
            found[named(path.name)] = str(path)
    return found


def keep_data_places(store: Store, parameters: Mapping[str, object]) -> None:
    """Note where a suite's files lie; nothing where its data is no file of somebody's own."""
    if places := places_of(parameters):
        store.write_sealed(NAME, canonical_json(places).encode())


def data_places(folder: Path) -> dict[str, Path]:
    """Where the files lay, by :func:`in_turn`; empty where nobody here noted it."""
    file = Store(folder, warn=unheard).sealed_file(NAME)
    if file is None:
        return {}
    return {name: Path(str(path)) for name, path in json_object(file.read()).items()}


def unheard(text: str) -> None:
    """A note that can't be trusted is left alone; the file is looked for elsewhere."""
