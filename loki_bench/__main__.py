"""``python -m loki_bench`` is ``loki-bench``."""

from loki_bench.cli.main import main

main()
