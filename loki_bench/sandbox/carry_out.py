"""Lets a plugin's code carry out a request: in a process of its own, or in this one."""

import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

from loki_bench.sandbox.attack_request import Ask, Component, Reply
from loki_bench.sandbox.parent import Answer, run_isolated
from loki_bench.sandbox.query_oracle import Oracle, OracleAnswer
from loki_bench.suite.components import ComponentRef
from loki_bench.suite.suite import Isolation, Limits
from loki_bench.timing import Timed, peak_memory_bytes

__all__ = ["carry_out", "component_of"]

Request = TypeVar("Request")
HostFunction: TypeAlias = Callable[[Request, Ask], Reply]


def carry_out(
    function: HostFunction[Request],
    request: Request,
    *,
    who: str,
    isolation: Isolation,
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
    closed : Path
        A folder that an isolated process must not be able to write in.
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
        if isolation == "process":
            answer = run_isolated(
                who,
                f"{function.__module__}:{function.__name__}",
                request,
                answer=ask,
                seconds=limits.seconds,
                memory_gib=limits.memory_gib,
                closed=closed,
            )
        else:
            arrays, report, costs = function(request, ask)
            answer = Answer(
                arrays=arrays,
                report=report,
                costs=costs,
                peak_memory_bytes=peak_memory_bytes(),
                writes_confined=False,
            )
    finally:
        if oracle is not None:
            oracle.settle()  # first: what came after a question too many does not count
    return Timed(
        answer,
        peak_memory_bytes=answer.peak_memory_bytes,
        host=platform.node(),
        process={
            "isolation": isolation,
            "writes_confined": answer.writes_confined,
            "start_seconds": time.perf_counter() - began - sum(answer.costs.values()),
        },
        **answer.costs,
    )


def component_of(component: ComponentRef) -> Component:
    """A component as a request names it: enough to build it, nothing of where it came from."""
    return Component(
        name=component.name, target=component.target, parameters=dict(component.parameters)
    )


def _nothing_to_ask(question: object) -> OracleAnswer:
    return {"refused": "there is nothing to ask here"}
