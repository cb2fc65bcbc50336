"""The socket between the host and an isolated process: frames of a stated length.

The host waits for neither side of it longer than it looks after its limits: a process that sends
half a message, or reads none, is ended like any other that takes too long.
"""

import mmap
import os
import pickle
import select
import socket
from collections.abc import Callable
from contextlib import suppress

__all__ = ["Channel", "receive_frame", "receive_object", "send_frame", "send_object"]

HEADER_BYTES = 8
AT_ONCE = 1 << 20


class Channel:
    """The host's end.

    Parameters
    ----------
    end : socket
        Made non-blocking.
    wait_for : callable
        Called between two looks at the socket, with what is waited for (``select.POLLIN`` or
        ``POLLOUT``); returns once it may have come, and raises what ends the wait.
    """

    def __init__(self, end: socket.socket, wait_for: Callable[[int], None]) -> None:
        end.setblocking(False)
        self._end, self._wait_for = end, wait_for

    def send(self, content: "bytes | memoryview") -> None:
        """Send a frame; raises ``ConnectionError`` where nobody listens any more."""
        for part in (len(content).to_bytes(HEADER_BYTES, "big"), content):
            left = memoryview(part)
            while left:
                self._wait_for(select.POLLOUT)
                with suppress(BlockingIOError):
                    left = left[self._end.send(left[:AT_ONCE]) :]

    def receive(self, most: int) -> bytes:
        """The next frame of at most ``most`` bytes.

        Raises ``EOFError`` where the process is gone, ``ValueError`` where the frame is longer:
        its length is known, and nothing of it is read.
        """
        length = int.from_bytes(self.read(HEADER_BYTES), "big")
        if length > most:
            raise ValueError(f"a message of {length} bytes; at most {most} are read")
        return bytes(self.read(length))

    def read(self, n_bytes: int) -> bytearray:
        """So many bytes, no frame around them."""
        content = bytearray(n_bytes)
        left = memoryview(content)
        while left:
            self._wait_for(select.POLLIN)
            with suppress(BlockingIOError):
                n_read = self._end.recv_into(left[:AT_ONCE])
                if not n_read:
                    raise EOFError
                left = left[n_read:]
        return content


def send_object(channel: Channel, value: object) -> None:
    """Pickle an object and send it, each array in a frame of its own: none is copied.

    An array that can't be written here can't be written there.
    """
    buffers: list[pickle.PickleBuffer] = []
    content = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    parts = [buffer.raw() for buffer in buffers]
    locked = bytes(part.readonly for part in parts)
    channel.send(len(parts).to_bytes(HEADER_BYTES, "big") + locked + content)
    for part in parts:
        channel.send(part)
        _let_go_of_pages(part)


def _let_go_of_pages(part: memoryview) -> None:
    """Of a file mapped for reading: what was read counts as this process's memory until then."""
    owner: object = part
    while not isinstance(owner, mmap.mmap):
        owner = owner.obj if isinstance(owner, memoryview) else getattr(owner, "base", None)
        if owner is None:
            return
    if memoryview(owner).readonly:
        owner.madvise(mmap.MADV_DONTNEED)


def receive_object(number: int) -> Callable[[], object] | None:
    """What opens the next object of :func:`send_object`, once; None after an empty frame.

    All of it is received first: whatever fails then leaves nothing in the channel.
    """
    first = receive_frame(number)
    if not first:
        return None
    begin = HEADER_BYTES + int.from_bytes(first[:HEADER_BYTES], "big")
    buffers: list[bytes | bytearray] = []
    for is_locked in first[HEADER_BYTES:begin]:
        content = receive_frame(number)
        buffers.append(bytes(content) if is_locked else content)

    def opened() -> object:
        value: object = pickle.loads(memoryview(first)[begin:], buffers=buffers)
        buffers.clear()  # whoever has no more use for an array can let it go
        return value

    return opened


def send_frame(number: int, content: "bytes | memoryview", *, framed: bool = True) -> None:
    """Send through the open file ``number``; the process's end, which may wait for long."""
    if framed:
        send_frame(number, len(content).to_bytes(HEADER_BYTES, "big"), framed=False)
    left = memoryview(content)
    while left:
        left = left[os.write(number, left[:AT_ONCE]) :]


def receive_frame(number: int) -> bytearray:
    """The next frame from the open file ``number``; ``EOFError`` where the host is gone."""
    return _read(number, int.from_bytes(_read(number, HEADER_BYTES), "big"))


def _read(number: int, n_bytes: int) -> bytearray:
    content = bytearray(n_bytes)
    left = memoryview(content)
    while left:
        part = os.read(number, min(AT_ONCE, len(left)))
        if not part:
            raise EOFError
        left[: len(part)] = part
        left = left[len(part) :]
    return content
