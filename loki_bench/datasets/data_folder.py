"""Where data files are kept on this machine."""

import os
from pathlib import Path

import platformdirs

from loki_bench.bounded_files import home_expanded
from loki_bench.errors import DatasetError

__all__ = ["DATA_FOLDER_VARIABLE", "data_folder"]

DATA_FOLDER_VARIABLE = "LOKI_BENCH_DATA"


def data_folder() -> Path:
    """The folder named by ``LOKI_BENCH_DATA``, else the user's data folder of this system.

    The folder need not exist: a download makes it. An empty variable counts as unset. Raises
    ``DatasetError`` for ``~`` where there is no home folder.
    """
    named = os.environ.get(DATA_FOLDER_VARIABLE)
    if named:
        try:
            return home_expanded(named).absolute()
        except ValueError as error:
            raise DatasetError(f"{DATA_FOLDER_VARIABLE}: {error}") from error
    return platformdirs.user_data_path("loki-bench", appauthor=False)
