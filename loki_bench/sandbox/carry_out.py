"""Lets a plugin's code carry out a request: in a process of its own, or in this one."""

import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

from loki_bench.contracts import Recommender
from loki_bench.plugins.ownership import is_own_distribution, is_own_target
from loki_bench.sandbox.attack_request import Ask, Component, Reply
from loki_bench.sandbox.confinement import NOT_CONFINED
from loki_bench.sandbox.defense_request import DefenseRequest
from loki_bench.sandbox.parent import Answer, run_isolated
from loki_bench.sandbox.plugin_code import code_of_other_plugins
from loki_bench.sandbox.query_oracle import Oracle, OracleAnswer
from loki_bench.suite.cell import Cell
from loki_bench.suite.components import ComponentRef
from loki_bench.suite.suite import Isolation, Limits
from loki_bench.timing import Timed, peak_memory_bytes, timed

__all__ = ["carry_out", "component_of", "runs_apart", "with_recommender"]

Request = TypeVar("Request")
T = TypeVar("T")
HostFunction: TypeAlias = Callable[[Request, Ask], Reply]


def carry_out(
    function: HostFunction[Request],
    request: Request,
    *,
    who: str,
    cell: Cell,
    limits: Limits,
    closed: Path,
    oracle: Oracle | None = None,
) -> Timed[Answer]:
    """What a function of a request module makes of a request, and its cost.

    Parameters
    ----------
    function : callable
        Such as :func:`~loki_bench.sandbox.attack_request.craft_for_host`; an isolated process
        imports it by name.
    who : str
        Whose code it is, for messages.
    cell : Cell
        Whether the code runs in a process of its own, and whose code it is.
    closed : Path
        A folder that an isolated process must not be able to read or write.
    oracle : Oracle or None
        Answers what the code asks; None where it may ask nothing.

    Raises
    ------
    RejectedError
        A rule was broken: by the answer, or by a question before it.
    TimeoutError, InvalidAnswerError
        See :func:`~loki_bench.sandbox.parent.run_isolated`.
    """
    ask = _nothing_to_ask if oracle is None else oracle.answer
    began = time.perf_counter()
    try:
        if cell.isolation == "process":
            used = _used_by(request, cell)
            answer = run_isolated(
                who,
                f"{function.__module__}:{function.__name__}",
                request,
                answer=ask,
                seconds=limits.seconds,
                memory_gib=limits.memory_gib,
                closed=closed,
                own_code=all(is_own_target(component.target) for component in used),
                closed_code=code_of_other_plugins(used),
            )
        else:
            arrays, report, costs = function(request, ask)
            answer = Answer(
                arrays=arrays,
                report=report,
                costs=costs,
                peak_memory_bytes=peak_memory_bytes(),
                confinement=NOT_CONFINED,
            )
    finally:
        if oracle is not None:
            oracle.settle()  # first: what came after a question too many does not count
    worked = answer.costs["wall_seconds"] + answer.costs["compile_seconds"]
    return Timed(
        answer,
        peak_memory_bytes=answer.peak_memory_bytes,
        host=platform.node(),
        process={
            "isolation": cell.isolation,
            "confined": answer.confinement.summary,
            "confinement": answer.confinement.as_json(),
            "start_seconds": time.perf_counter() - began - worked,
        },
        **answer.costs,
    )


def with_recommender(
    component: ComponentRef,
    work: Callable[[Recommender], T],
    *,
    isolation: Isolation,
    limits: Limits,
    closed: Path,
) -> Timed[T]:
    """Let a recommender be fitted and asked, and say what that cost.

    This project's own are built here, which costs nothing; a third party's runs in a process of its
    own, and what ``work`` is given stands in its place.

    Parameters
    ----------
    work : callable
        Is given the recommender, not fitted; it is gone when ``work`` ends.
    isolation : "process" or "in-process"
    limits : Limits
        Of a process of its own.
    closed : Path
        A folder that such a process must not be able to read or write.

    Raises
    ------
    TimeoutError, InvalidAnswerError
        See :func:`~loki_bench.sandbox.parent.run_isolated`; what ``work`` raises.
    """
    if isolation == "process" and runs_apart(component):
        from loki_bench.sandbox.foreign_recommender import with_foreign_recommender

        return with_foreign_recommender(component, work, limits=limits, closed=closed)
    recommender: Recommender = component.build()
    return timed(lambda: work(recommender))


def runs_apart(component: ComponentRef) -> bool:
    """Whether a component is a third party's: by its distribution, or by its target."""
    return not (is_own_distribution(component.distribution) and is_own_target(component.target))


def component_of(component: ComponentRef, kind: str) -> Component:
    """A component as a request names it: enough to build it, nothing of where it came from."""
    return Component(
        kind=kind,
        name=component.name,
        target=component.target,
        parameters=dict(component.parameters),
    )


def _used_by(request: object, cell: Cell) -> list[ComponentRef]:
    """Every component whose code may run in the process of a request."""
    if isinstance(request, DefenseRequest):
        return [] if cell.defense is None else [cell.defense]
    influence = [] if cell.influence is None else [cell.influence]
    return [cell.attacker, *(used.recommender for used in cell.surrogates), *influence]


def _nothing_to_ask(question: object) -> OracleAnswer:
    return {"refused": "there is nothing to ask here"}
