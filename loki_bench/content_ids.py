"""Content addresses: SHA-256 of the canonical JSON of what determines a result."""

import hashlib
import json

__all__ = ["bytes_digest", "canonical_json", "content_id"]


def canonical_json(value: object, *, indent: int | None = None) -> str:
    """JSON with sorted keys, no NaN, and the shortest text of every float."""
    return json.dumps(
        value,
        sort_keys=True,
        allow_nan=False,
        ensure_ascii=False,
        indent=indent,
        separators=None if indent else (",", ":"),
        default=_plain,
    )


def content_id(value: object) -> str:
    """Hexadecimal SHA-256 of :func:`canonical_json`."""
    return bytes_digest(canonical_json(value).encode())


def bytes_digest(content: bytes) -> str:
    """Hexadecimal SHA-256 of raw bytes."""
    return hashlib.sha256(content).hexdigest()


def _plain(value: object) -> object:
    from pydantic import BaseModel

    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no canonical JSON")
