"""One thread a process: what libraries read before they start threads of their own."""

from collections.abc import Mapping

__all__ = ["ONE_THREAD"]

ONE_THREAD: Mapping[str, str] = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}
"""Environment of whatever computes, set before numpy or torch is imported. Results are
bit-identical only for a fixed number of threads, small models run faster on one, and the other
processors have cells of their own."""
