"""The host's eye on an isolated process: its time, its memory, its files, what it prints."""

import os
import select
import sys
import time
from pathlib import Path

from loki_bench.errors import InvalidAnswerError
from loki_bench.plain_data import last_lines
from loki_bench.sandbox.confinement import Confinement
from loki_bench.sandbox.family import MOST_FILES, MOST_PROCESSES, held_by, size_of

__all__ = ["GIB", "Watch"]

GIB = 1 << 30
LOOK_EVERY = 0.05 if sys.platform == "linux" else 1.0
"""Seconds between two looks at the memory; elsewhere each look starts a program."""
LOOK_AT_FILES_EVERY = 2.0
MOST_PRINTED = 64 << 10
"""Bytes that a plugin may print; more is dropped."""


class Watch:
    """Looks after one process until it is over.

    Parameters
    ----------
    who : str
        Whose code it is, for messages.
    pid : int
    channel, output : int
        Open files: what it talks through, and what it prints to.
    folder : Path
        Where it may write.
    seconds, gib : float
        Its limits of wall time, and of memory and of files in ``folder``.
    """

    def __init__(
        self,
        who: str,
        pid: int,
        channel: int,
        output: int,
        folder: Path,
        *,
        seconds: float,
        gib: float,
    ) -> None:
        self.peak_bytes = 0
        self.folder, self.gib = folder, gib
        self._who, self._pid, self._channel, self._output = who, pid, channel, output
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds - min(1.0, 0.05 * seconds)
        self._looked = self._looked_at_files = time.monotonic()
        self._n_above = 0  # processes of the host's own; 0 until it is known
        self._was_over = False
        self._n_printed = 0
        os.set_blocking(output, False)

    def start_counting(self, confinement: Confinement) -> None:
        """Count memory from now on: a plugin's code runs, under so many processes of the host's."""
        self._n_above = 2 if "pid namespace" in confinement.children else 1

    def wait_for(self, event: int) -> None:
        """Return once the channel may be ready; raise what ends the process."""
        self.look()
        waiting = select.poll()
        waiting.register(self._channel, event)
        if self._output >= 0:
            waiting.register(self._output, select.POLLIN)
        left = max(0.0, min(LOOK_EVERY, self._deadline - time.monotonic()))
        for ready, _ in waiting.poll(left * 1000):
            if ready == self._output:
                self._pass_on()

    def look(self) -> None:
        """Look at the limits if it is time to; raises what ends the process."""
        now = time.monotonic()
        if now >= self._deadline:
            raise TimeoutError(f"ended at its time limit of {self._seconds:g} s")
        if self._n_above and now >= self._looked + LOOK_EVERY:
            self.look_now()
        if now >= self._looked_at_files + LOOK_AT_FILES_EVERY:
            self._looked_at_files = now
            self._look_at_files()

    def look_now(self) -> None:
        """Look at the memory of the process and its children."""
        self._looked = time.monotonic()
        held = held_by(self._pid, without=self._n_above)
        if held.n_processes > MOST_PROCESSES:
            raise InvalidAnswerError(
                f"{self._who} was ended: it started more than {MOST_PROCESSES} processes"
            )
        most = self.gib * GIB
        # A process that starts a program is for a moment two with the same memory: looked at twice.
        is_over = held.now_bytes > most
        if held.peak_bytes > most or (is_over and self._was_over):
            raise InvalidAnswerError(
                f"{self._who} was ended at its memory limit of {self.gib:g} GiB; raise "
                "the suite's key 'limits.memory_gib' if the machine has more"
            )
        self._was_over = is_over
        self.peak_bytes = max(self.peak_bytes, held.peak_bytes, min(held.now_bytes, int(most)))

    def _look_at_files(self) -> None:
        n_files, n_bytes = size_of(self.folder)
        if n_files > MOST_FILES:
            raise InvalidAnswerError(
                f"{self._who} was ended: it wrote more than {MOST_FILES} files"
            )
        if n_bytes > self.gib * GIB:
            raise InvalidAnswerError(
                f"{self._who} was ended: its files take more than {self.gib:g} GiB, the limit of "
                "its memory (the suite's key 'limits.memory_gib')"
            )

    def _pass_on(self) -> None:
        """Show what the process printed, up to a bound, on the host's standard error."""
        try:
            printed = os.read(self._output, MOST_PRINTED)
        except BlockingIOError:
            return
        if not printed:
            self._output = -1  # closed
            return
        shown = printed[: max(0, MOST_PRINTED - self._n_printed)]
        if shown:
            sys.stderr.write(last_lines(shown.decode(errors="replace"), len(shown)))
        if self._n_printed <= MOST_PRINTED < self._n_printed + len(printed):
            sys.stderr.write(f"\n({self._who} printed more, which is left out)\n")
        self._n_printed += len(printed)
