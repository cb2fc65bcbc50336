"""Suite files: which cells to compute, as typed and checked TOML.

A suite names a dataset, a protocol, budgets, victims, a surrogate pool, attackers, metrics and
seeds; the grid is their product. Suites that come with the package live in ``loki_bench/suites``.
"""

import sys
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from loki_bench.contracts import GoalKind
from loki_bench.errors import SuiteError
from loki_bench.harness.parameter_files import with_parameter_files
from loki_bench.plugins.specs import nearest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = [
    "BudgetGrid",
    "Choice",
    "Isolation",
    "Knowledge",
    "Limits",
    "Parameter",
    "Protocol",
    "Simulator",
    "Suite",
    "load_suite",
    "packaged_suites",
]

Parameter: TypeAlias = bool | int | float | str | list[str] | list[int] | list[float]
Simulator: TypeAlias = Literal["leave-one-out", "all", "white-box"]
Isolation: TypeAlias = Literal["process", "in-process"]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _as_choice(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class Choice(_Table):
    """A component chosen by name, with parameters that differ from its defaults.

    In a suite either ``"name"`` or ``{ name = "...", parameters = { ... } }``; or the path of a
    file that ``loki-bench tune`` wrote, ``{ name = "...", parameters = "tuned/x.toml" }``.
    """

    name: str
    parameters: dict[str, Parameter] = {}
    weight: float = Field(default=1.0, gt=0, description="a surrogate's vote (the paper, Eq. 1)")
    influence: "Annotated[Choice, BeforeValidator(_as_choice)] | None" = Field(
        default=None, description="the influence estimator lent to an attacker that needs one"
    )


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Named: TypeAlias = Annotated[Choice, BeforeValidator(_as_choice)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Count: TypeAlias = Annotated[int, Field(ge=1)]
Seed: TypeAlias = Annotated[int, Field(ge=0)]


class Protocol(_Table):
    """What the attack is after, and how success is read."""

    n_targets: Count = 20
    n_target_users: Count = 20
    goal: GoalKind = "promote"
    targets: list[str] = Field(default=[], description="item tokens, instead of drawing them")
    target_users: list[str] = Field(default=[], description="user tokens, instead of drawing them")


class BudgetGrid(_Table):
    """Budgets of the grid: every share of fake users with every number of actions."""

    fake_users: Annotated[list[Share], BeforeValidator(_as_list)] = [0.03]
    actions: Annotated[list[Count], BeforeValidator(_as_list)] = [15]


class Knowledge(_Table):
    """What an attacker is granted beyond genuine histories and surrogates."""

    queries: Annotated[int, Field(ge=0)] = Field(
        default=0, description="questions to the black-box victim, see harness/oracle.py"
    )
    list_length: Count = Field(default=10, description="items in each answer")


class Limits(_Table):
    """What a job may take before it is ended. Not part of a cell's identity."""

    seconds: Annotated[float, Field(gt=0)] = 3600.0
    memory_gib: Annotated[float, Field(gt=0)] = Field(
        default=8.0, description="resident memory of an isolated process"
    )


class Suite(_Table):
    """One suite file."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    summary: str = ""
    seeds: Annotated[list[Seed], Field(min_length=1)]
    victims: Annotated[list[Named], Field(min_length=1)]
    attackers: Annotated[list[Named], Field(min_length=1)]
    defenses: Annotated[list[Named], Field(min_length=1)] = [Choice(name="none")]
    surrogates: list[Named] = []
    metrics: Annotated[list[str], Field(min_length=1)]
    simulator: Annotated[list[Simulator], BeforeValidator(_as_list)] = ["leave-one-out"]
    dataset: Named
    protocol: Protocol = Protocol()
    budget: BudgetGrid = BudgetGrid()
    knowledge: Knowledge = Knowledge()
    isolation: Isolation = Field(
        default="process",
        description="whether attackers run in processes of their own or, to debug, in the workers",
    )
    limits: Limits = Limits()
    integrity_rows: bool = Field(
        default=True,
        description="add `none`, and a placebo of every other attack: the same attack, given "
        "other targets than those that are measured",
    )

    @field_validator(
        "seeds", "metrics", "simulator", "victims", "attackers", "defenses", "surrogates"
    )
    @classmethod
    def _no_repetition(cls, values: list[Any]) -> list[Any]:
        for position, value in enumerate(values):
            if value in values[:position]:
                shown = value.name if isinstance(value, Choice) else value
                raise ValueError(f"{shown!r} stands there twice")
        return values


def load_suite(name_or_path: str) -> Suite:
    """Read a suite by the name of one in the package, or from a ``.toml`` file.

    Raises
    ------
    SuiteError
        Names the file, the key, what was given and what was expected.
    """
    packaged = packaged_suites()
    if name_or_path in packaged:
        return _parse(packaged[name_or_path], f"suite '{name_or_path}'")
    path = Path(name_or_path)
    if path.suffix != ".toml":
        raise SuiteError(
            f"no suite '{name_or_path}'{nearest(name_or_path, list(packaged))}; the package has: "
            f"{', '.join(packaged)}; a suite of your own is a path that ends in .toml"
        )
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise SuiteError(f"suite file {path}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise SuiteError(f"suite file {path}: {error.strerror}") from error
    return _parse(text, f"suite file {path}", path.parent)


def packaged_suites() -> dict[str, str]:
    """The text of every suite in the package, by name."""
    folder = resources.files("loki_bench") / "suites"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(".toml"): file.read_text("utf-8")
        for file in files
        if file.name.endswith(".toml")
    }


def _parse(text: str, where: str, folder: Path = Path()) -> Suite:
    if not text.strip():
        raise SuiteError(f"{where}: the file is empty")
    try:
        content = with_parameter_files(tomllib.loads(text), folder, where)
        return Suite.model_validate(content)
    except tomllib.TOMLDecodeError as error:
        raise SuiteError(f"{where}: not valid TOML: {error}") from error
    except ValidationError as error:
        raise SuiteError(f"{where}: {_first_problem(error)}") from error


def _first_problem(error: ValidationError) -> str:
    """One sentence about the first thing that is wrong, unknown keys before all else."""
    problems = sorted(error.errors(), key=lambda p: p["type"] != "extra_forbidden")
    problem = problems[0]
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        table, wrong = problem["loc"][:-1], str(problem["loc"][-1])
        known = list(_table_at(table).model_fields)
        return f"unknown key '{key}'{nearest(wrong, known)}; known here: {', '.join(known)}"
    if problem["type"] == "missing":
        return f"the key '{key}' is missing"
    message = problem["msg"].removeprefix("Value error, ")
    return f"key '{key}': {message[0].lower()}{message[1:]}, got {problem['input']!r}"


def _table_at(location: tuple[int | str, ...]) -> type[_Table]:
    """The table that a location of a validation error lies in."""
    tables: dict[str, type[_Table]] = {
        "protocol": Protocol,
        "budget": BudgetGrid,
        "knowledge": Knowledge,
        "limits": Limits,
        "dataset": Choice,
        "victims": Choice,
        "attackers": Choice,
        "defenses": Choice,
        "surrogates": Choice,
    }
    return tables[str(location[0])] if location else Suite
