"""Stops a process, in a test, at one of the files that it writes into a folder."""

from contextlib import contextmanager

import pytest

from loki_bench.records.store import Store

__all__ = ["StoppedError", "stopped_at"]


class StoppedError(BaseException):
    """No handler of an error sees it, as none sees the end of a process."""


@contextmanager
def stopped_at(number, folder):
    """A block whose process ends before it writes the file of this number below a folder.

    Gives the names of the files that were to be written; ``StoppedError`` does not leave the block.
    """
    names, write = [], Store.write_bytes

    def stopped(self, name, *arguments, **keywords):
        if self.folder.is_relative_to(folder):
            names.append(name)
            if len(names) > number:
                raise StoppedError
        write(self, name, *arguments, **keywords)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "write_bytes", stopped)
        try:
            yield names
        except StoppedError:
            return
