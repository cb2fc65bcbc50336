"""How time is told on progress lines: so far, and an estimate of what is left."""

import time
from collections import deque
from collections.abc import Callable

__all__ = ["Pace", "clock"]

_N_LAST = 20


def clock(seconds: float) -> str:
    """Minutes and seconds, ``m:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


class Pace:
    """Tells the time left by the pace of the last few things that ended.

    The first thing may have waited for work that all of them share, and tells nothing of the pace.

    Parameters
    ----------
    now : callable
        The present, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._start = now()
        self._ends: deque[float] = deque(maxlen=_N_LAST)
        self._n = self._n_ended = 0

    @property
    def count(self) -> str:
        """Which of how many ended last, ``[3/110]``."""
        return f"[{self._n_ended}/{self._n}]"

    def started(self, n: int) -> None:
        """So many things are to be done."""
        self._n = n

    def ended(self) -> None:
        """One of them is done."""
        self._ends.append(self._now())
        self._n_ended += 1

    def __str__(self) -> str:
        told = f"elapsed {clock(self._now() - self._start)}"
        n_left = self._n - self._n_ended
        if not n_left:
            return f"{told}, about {clock(0)} left"
        if len(self._ends) < 2:
            return told
        pace = (self._ends[-1] - self._ends[0]) / (len(self._ends) - 1)
        return f"{told}, about {clock(pace * n_left)} left"
