"""numba's cache on disk, where several processes compile at once."""

import hashlib
from functools import lru_cache
from typing import Any

__all__ = ["name_files_by_content"]


@lru_cache(maxsize=1)
def name_files_by_content() -> None:
    """From here on this process names a file of machine code after its types and its source.

    numba numbers the files of a function by what their index holds when one is written. Two
    processes that compile the function for other types at the same time may take the same number,
    and the index then leads to the wrong machine code: to a crash or wrong numbers, for good. Call
    it where functions are compiled. Where numba's insides have changed, it does nothing.
    """
    from numba.core import caching

    files: Any = getattr(caching, "IndexDataCacheFile", None)
    if all(hasattr(files, name) for name in ("save", "_load_index", "_save_index", "_save_data")):
        files.save = _save


def _save(files: Any, key: Any, data: Any) -> None:
    """``IndexDataCacheFile.save``: the code first, so that the index never names what is older."""
    content = repr((files._version, files._source_stamp, key)).encode()
    name = files._data_name(int(hashlib.sha256(content).hexdigest()[:15], 16))
    files._save_data(name, data)
    index = files._load_index()
    if index.get(key) != name:
        files._save_index({**index, key: name})
