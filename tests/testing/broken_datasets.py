"""A sound dataset, broken in one way each."""

import itertools
import os
import socket
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from mutants import breaks

from loki_bench.contracts import DatasetLoader
from loki_bench.event_log import EventLog, EventTimes
from loki_bench.interactions import Interactions, Sequences

ROWS = [[0, 1, 2, 3], [3, 2, 1], [1, 0]]


def interactions(rows, **tokens):
    sequences = Sequences.of(rows)
    return Interactions(sequences.offsets, sequences.items, n_items=4, **tokens)


class Sound(DatasetLoader):
    """Three users of four items."""

    def load(self, folder, *, download):
        return interactions(ROWS, user_tokens=("a", "b", "c"), item_tokens=tuple("wxyz"))


@breaks("check_dataset_loads_interactions", also=["check_dataset_has_users_to_test"])
class IsEmpty(DatasetLoader):
    def load(self, folder, *, download):
        return interactions([[], []])


@breaks("check_dataset_has_users_to_test")
class HasShortUsersOnly(DatasetLoader):
    def load(self, folder, *, download):
        return interactions([[0, 1], [2, 3]])


@breaks(
    "check_dataset_loads_the_same_twice",
    # what is loaded again is not what was read
    also=["check_dataset_reads_what_it_loads"],
)
class Grows(DatasetLoader):
    count = itertools.count(4)

    def load(self, folder, *, download):
        return interactions([*ROWS, [0] * next(Grows.count)])


@breaks("check_dataset_reads_what_it_loads")
class ReadsSomethingElse(Sound):
    def read(self, folder, *, download):
        return EventLog.of(interactions(ROWS[::-1]))


@breaks("check_dataset_reads_what_it_loads")
class CanNotBeRead(Sound):
    def read(self, folder, *, download):
        return EventLog.of(self.load(folder, download=download)).nothing_like_this


@breaks("check_dataset_reads_what_it_loads")
class HasATimeTooFew(Sound):
    def read(self, folder, *, download):
        times = EventTimes(values=np.arange(8))
        return replace(EventLog.of(self.load(folder, download=download)), times=times)


@breaks("check_dataset_tokens_are_its_own")
class NamesTwoAlike(DatasetLoader):
    def load(self, folder, *, download):
        return interactions(ROWS, item_tokens=("w", "x", "x", "z"))


@breaks("check_dataset_tokens_are_its_own")
class NamesTooFew(DatasetLoader):
    def load(self, folder, *, download):
        return interactions(ROWS, user_tokens=("a", "b"))


@breaks("check_dataset_stays_off_the_network")
class LooksForUpdates(Sound):
    def load(self, folder, *, download):
        with suppress(OSError):
            socket.create_connection(("localhost", 9), timeout=0.1)
        return super().load(folder, download=download)


@breaks("check_dataset_says_what_is_missing")
class RaisesWhateverOpenRaises(Sound):
    def load(self, folder, *, download):
        (folder / "data.txt").read_text()
        return super().load(folder, download=download)


@breaks("check_dataset_leaves_generators_alone")
class ShufflesWithNumpy(Sound):
    def load(self, folder, *, download):
        np.random.random()  # noqa: NPY002
        return super().load(folder, download=download)


@breaks("check_dataset_leaves_the_process_alone")
class UnpacksHere(Sound):
    def load(self, folder, *, download):
        Path("unpacked").mkdir(exist_ok=True)
        return super().load(folder, download=download)


@breaks("check_dataset_leaves_the_process_alone")
class SetsItsFolder(Sound):
    def load(self, folder, *, download):
        os.environ["A_DATA_FOLDER"] = str(folder)
        return super().load(folder, download=download)


@breaks("check_dataset_names_its_licence_and_homepage", licence="")
class HasNoLicence(Sound):
    pass
