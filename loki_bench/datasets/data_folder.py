"""Where data files are kept on this machine."""

import os
from pathlib import Path

import platformdirs

__all__ = ["DATA_FOLDER_VARIABLE", "data_folder"]

DATA_FOLDER_VARIABLE = "LOKI_BENCH_DATA"


def data_folder() -> Path:
    """The folder named by ``LOKI_BENCH_DATA``, else the user's data folder of this system.

    The folder need not exist: a download makes it. An empty variable counts as unset.
    """
    named = os.environ.get(DATA_FOLDER_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    return platformdirs.user_data_path("loki-bench", appauthor=False)
