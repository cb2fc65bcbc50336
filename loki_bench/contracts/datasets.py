"""What a dataset implements."""

from abc import ABC, abstractmethod
from pathlib import Path

from loki_bench.event_log import EventLog
from loki_bench.interactions import Interactions

__all__ = ["DatasetLoader"]


class DatasetLoader(ABC):
    """Reads one dataset.

    A parameter of its ``__init__`` that names a file is called ``path``, or something that ends so
    (``test_path``): the host looks for it from the working folder, and lets the process that the
    loader runs in read it. Any other text arrives as it was given.
    """

    @abstractmethod
    def load(self, folder: Path, *, download: bool) -> Interactions:
        """Read the dataset.

        Parameters
        ----------
        folder : Path
            The data folder; a downloaded file is kept there.
        download : bool
            Whether the loader may use the network.

        Returns
        -------
        Interactions
            Every user's items, oldest first: int32 items of shape (n_events,), int64 offsets of
            shape (n_users + 1,).

        Raises
        ------
        DatasetError
            Names the file, and what is wrong with it or where to put it.
        """

    def read(self, folder: Path, *, download: bool) -> EventLog:
        """The dataset with what else is known of its events: times, parts, what was left out.

        The parameters and errors are those of :meth:`load`, and so are the sequences. A loader
        that knows no more than the sequences need not write it.
        """
        return EventLog.of(self.load(folder, download=download))
