"""What every test shares: how hypothesis runs, and one thread for whatever computes."""

import os

# before numpy or torch is imported: a cell runs on one thread, and so do tests
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

from hypothesis import settings  # noqa: E402  # the environment must be set first

# the same examples in every run, no time limit on a busy machine, nothing written to the checkout
settings.register_profile("loki-bench", derandomize=True, deadline=None, database=None)
settings.load_profile("loki-bench")
