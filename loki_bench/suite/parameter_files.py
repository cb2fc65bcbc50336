"""Parameters kept in a file of their own, as ``loki-bench tune`` writes them.

``{ name = "bprmf", parameters = "tuned/bprmf.toml" }`` in a suite stands for the table in that
file; the path is taken from the suite's folder. The parameters become part of the suite before
anything is checked, so ids depend on them, never on a path.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from loki_bench.bounded_files import read_regular
from loki_bench.errors import SuiteError
from loki_bench.suite.toml_tables import LARGEST, given_toml

__all__ = ["as_parameter_file", "read_parameters"]


def read_parameters(path: Path, name: object, where: str) -> dict[str, object]:
    """The parameters in a file.

    Parameters
    ----------
    name : object
        Of the component that the suite asks for them.
    where : str
        Which suite that is, for messages.

    Raises
    ------
    SuiteError
        The file can't be read, is not TOML, or holds parameters of another component.
    """
    try:
        content = given_toml(read_regular(path, at_most=LARGEST).decode("utf-8-sig"))
    except OSError as error:
        raise SuiteError(f"{where}: parameter file {path}: {error.strerror}") from error
    except ValueError as error:  # of the decoding or of the TOML
        raise SuiteError(f"{where}: parameter file {path}: not valid TOML: {error}") from error
    if set(content) != {"name", "parameters"} or not isinstance(content["parameters"], dict):
        raise SuiteError(
            f"{where}: parameter file {path}: expected a key 'name' and a table 'parameters', as "
            "`loki-bench tune` writes them"
        )
    if content["name"] != name:
        raise SuiteError(
            f"{where}: parameter file {path} holds parameters of '{content['name']}', not of "
            f"'{name}'"
        )
    return dict(content["parameters"])


def as_parameter_file(
    name: str, parameters: Mapping[str, bool | int | float | str], comments: list[str]
) -> str:
    """The text of a parameter file: TOML with the component's name and its parameters."""
    lines = [f"# {comment}" for comment in comments]
    lines += ["", f"name = {json.dumps(name)}", "", "[parameters]"]
    lines += [f"{key} = {_toml(value)}" for key, value in parameters.items()]
    return "\n".join(lines) + "\n"


def _toml(value: bool | int | float | str) -> str:
    return json.dumps(value) if isinstance(value, (bool, str)) else repr(value)
