"""Recognise files whose lines say what is in them: RecBole's typed header, and objects."""

import ast
import json

from loki_bench.datasets.data_file import DataFile
from loki_bench.datasets.layout import Layout, LayoutKind
from loki_bench.datasets.line_shapes import shown
from loki_bench.datasets.shape import Sample
from loki_bench.errors import DatasetError

__all__ = ["has_typed_header", "inter_layout", "json_layout"]

_TYPES = ("token", "token_seq", "float", "float_seq")


def has_typed_header(sample: Sample) -> bool:
    """Whether line 1 reads like ``user_id:token<tab>item_id:token``."""
    cells = sample.lines[0].split("\t")
    endings = tuple(f":{type_}" for type_ in _TYPES)
    return len(cells) > 1 and all(cell.strip().endswith(endings) for cell in cells)


def inter_layout(file: DataFile, sample: Sample) -> Layout:
    """The layout of RecBole's atomic file; raises ``DatasetError`` for a header without types."""
    cells = sample.lines[0].split("\t")
    for cell in cells:
        if ":" not in cell:
            raise DatasetError(
                f"{file.path}, line {sample.numbers[0]}: column '{cell}' has no type; the header "
                "of a RecBole file reads like user_id:token, separated by tabs"
            )
    named = [cell.strip().rpartition(":") for cell in cells]
    for name, _, type_ in named:
        if type_ not in _TYPES:
            raise DatasetError(
                f"{file.path}, line {sample.numbers[0]}: column '{name}' is of the type "
                f"'{type_}', and RecBole's types are {', '.join(_TYPES)}"
            )
    return Layout(
        kind="inter",
        separator="\t",
        columns=tuple(name for name, _, _ in named),
        types=tuple(type_ for _, _, type_ in named),
        header=True,
        skip_lines=sample.numbers[0],
        n_comments=sample.n_comments,
    )


def json_layout(file: DataFile, sample: Sample, *, asked: bool) -> Layout | None:
    """The layout of a file of objects, or None where it is none and nobody asked for it."""
    first = sample.lines[0].strip()
    if first[:1] not in ("{", "["):
        if asked:
            raise DatasetError(
                f"{file.path}, line {sample.numbers[0]}: it is no JSON object; a line reads "
                'like {"user_id": "u1", "item_id": "i1", "timestamp": 1}'
            )
        return None
    if first.startswith("["):
        return Layout(kind="json array") if asked or _begins_json_array(file) else None
    try:
        found: object = json.loads(first, parse_int=str)  # of any length
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(first)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            if not asked and file.suffix not in (".json", ".jsonl", ".ndjson"):
                return None
            raise DatasetError(
                f"{file.path}, line {sample.numbers[0]}: it begins like JSON but is no whole "
                "object; write one object a line"
            ) from None
        kind: LayoutKind = "literal lines"
    else:
        kind = "json lines"
    if isinstance(found, dict) and len(sample.lines) == 1 and file.whole and _is_nested(found):
        raise DatasetError(
            f"{file.path}: it is one JSON object ({shown([str(k) for k in found])}) and not one "
            "event a line; write one object an event, each on a line of its own"
        )
    return Layout(kind=kind, skip_lines=sample.n_skipped, n_comments=sample.n_comments)


def _begins_json_array(file: DataFile) -> bool:
    text = file.head.lstrip()
    return text[1:].lstrip()[:1] in (b"{", b"]") or file.suffix == ".json"


def _is_nested(found: dict[object, object]) -> bool:
    return any(isinstance(value, dict | list) for value in found.values())
