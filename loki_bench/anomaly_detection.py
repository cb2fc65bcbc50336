"""torch's anomaly detection, which the import of a package may turn on for the whole process."""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["anomaly_detection_kept"]


@contextmanager
def anomaly_detection_kept() -> Iterator[None]:
    """Set torch's anomaly detection back to what it was; imports of RecBole belong inside.

    RecBole's package imports ``sine.py``, which turns it on. Every step of torch is then traced:
    training takes about twice as long, and a NaN is an exception.
    """
    import torch  # imported here: not all that imports this module needs it

    before = torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()
    try:
        yield
    finally:
        torch.autograd.set_detect_anomaly(*before)
