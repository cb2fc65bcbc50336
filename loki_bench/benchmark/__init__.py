"""A suite from Python: open it, run it, read its leaderboard, evaluate one cell or one poison."""

from loki_bench.benchmark.benchmark import Benchmark
from loki_bench.benchmark.cell_result import CellResult
from loki_bench.leaderboard.leaderboard import Leaderboard

__all__ = ["Benchmark", "CellResult", "Leaderboard"]
