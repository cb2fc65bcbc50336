"""A job that a worker is given: see tests/sandbox/test_template.py."""

from pathlib import Path

from loki_bench.sandbox import template
from loki_bench.sandbox.parent import run_isolated


def counts_in_a_process() -> list[int]:
    """What an isolated process counts, and the process id of the template that it had, or 0."""
    answer = run_isolated(
        "attacker 'own'",
        "copied_functions:counts",
        None,
        answer=lambda question: question,
        seconds=60.0,
        memory_gib=4.0,
        closed=Path("/nowhere"),
        own_code=True,
    )
    return [answer.report["n_calls"], template.process_id()]
