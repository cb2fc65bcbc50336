"""A suite from Python: open it, run it, read its leaderboard, evaluate one cell or one poison."""

from typing import TYPE_CHECKING

from loki_bench.benchmark.benchmark import Benchmark

if TYPE_CHECKING:  # a leaderboard's statistics are slow to import, and to count cells needs none
    from loki_bench.benchmark.cell_result import CellResult
    from loki_bench.leaderboard.leaderboard import Leaderboard

__all__ = ["Benchmark", "CellResult", "Leaderboard"]


def __getattr__(name: str) -> object:
    if name == "CellResult":
        from loki_bench.benchmark.cell_result import CellResult

        return CellResult
    if name == "Leaderboard":
        from loki_bench.leaderboard.leaderboard import Leaderboard

        return Leaderboard
    raise AttributeError(f"module 'loki_bench.benchmark' has no attribute '{name}'")
