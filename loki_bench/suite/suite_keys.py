"""A suite's keys as plain data, which say the same wherever somebody's own files lie."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from loki_bench.content_ids import content_id
from loki_bench.suite.components import HANDED_IN
from loki_bench.suite.own_paths import FILE_PARAMETERS
from loki_bench.suite.suite import Choice, Parameter, Suite

__all__ = ["file_name", "suite_digest", "suite_keys"]


def file_name(key: str, value: Parameter) -> Parameter:
    """A value of a dataset's parameter: of a file, its name, not where this machine keeps it."""
    if key not in FILE_PARAMETERS:
        return value
    if isinstance(value, list):
        return [Path(str(path)).name for path in value]
    return Path(str(value)).name


def suite_keys(suite: Suite) -> dict[str, JsonValue]:
    """Every key, defaults included; where somebody's files lie is left out, their names stay."""
    named_suite = suite.model_copy(
        update={
            "dataset": _without_folders(suite.dataset),
            "attackers": [
                _without_folders(choice) if choice.name == HANDED_IN else choice
                for choice in suite.attackers
            ],
        }
    )
    keys: dict[str, JsonValue] = named_suite.model_dump(mode="json")
    return keys


def suite_digest(suite: Suite, contents: Sequence[str] = ()) -> str:
    """SHA-256 of what a suite asks for: the same however the paths in it were typed.

    Parameters
    ----------
    contents : sequence of str
        Digests of what the files hold that the suite names, for two of one name may lie in two
        folders; none where it names none.
    """
    keys = suite_keys(suite)
    return content_id({"suite": keys, "contents": [*contents]} if contents else keys)


def _without_folders(choice: Choice) -> Choice:
    """A dataset or a poison in files, by the files' names."""
    named = {key: file_name(key, value) for key, value in choice.parameters.items()}
    return choice.model_copy(update={"parameters": named})
