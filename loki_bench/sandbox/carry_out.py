"""Lets a plugin's code carry out a request: in a process of its own, or in this one."""

import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

from loki_bench.sandbox.attack_request import Ask, Component, Reply
from loki_bench.sandbox.confinement import NOT_CONFINED
from loki_bench.sandbox.machine_code import is_own
from loki_bench.sandbox.parent import Answer, run_isolated
from loki_bench.sandbox.query_oracle import Oracle, OracleAnswer
from loki_bench.suite.cell import Cell
from loki_bench.suite.components import ComponentRef
from loki_bench.suite.suite import Limits
from loki_bench.timing import Timed, peak_memory_bytes

__all__ = ["carry_out", "component_of"]

Request = TypeVar("Request")
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
            answer = run_isolated(
                who,
                f"{function.__module__}:{function.__name__}",
                request,
                answer=ask,
                seconds=limits.seconds,
                memory_gib=limits.memory_gib,
                closed=closed,
                own_code=all(map(is_own, _targets(cell))),
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
    return Timed(
        answer,
        peak_memory_bytes=answer.peak_memory_bytes,
        host=platform.node(),
        process={
            "isolation": cell.isolation,
            "confined": answer.confinement.summary,
            "confinement": answer.confinement.as_json(),
            "start_seconds": time.perf_counter() - began - sum(answer.costs.values()),
        },
        **answer.costs,
    )


def component_of(component: ComponentRef) -> Component:
    """A component as a request names it: enough to build it, nothing of where it came from."""
    return Component(
        name=component.name, target=component.target, parameters=dict(component.parameters)
    )


def _targets(cell: Cell) -> list[str]:
    """Every component whose code may run in the process of an attack or a defense."""
    components = [cell.attacker, *(used.recommender for used in cell.surrogates)]
    components += [one for one in (cell.influence, cell.defense) if one is not None]
    return [component.target for component in components]


def _nothing_to_ask(question: object) -> OracleAnswer:
    return {"refused": "there is nothing to ask here"}
