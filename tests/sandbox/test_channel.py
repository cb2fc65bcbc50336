"""Objects that cross the channel: arrays beside the pickle, all of a message or nothing."""

import mmap
import socket
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from loki_bench.interactions import Sequences
from loki_bench.sandbox.attack_request import PickledRecommender
from loki_bench.sandbox.channel import Channel, receive_object, send_object


@pytest.fixture
def ends():
    host, process = socket.socketpair()
    yield host, process
    host.close()
    process.close()


def crossed(ends, *values):
    """What arrives of values, and None for the end."""
    host, process = ends
    channel = Channel(host, lambda event: None)

    def send():
        for value in values:
            send_object(channel, value)
        channel.send(b"")

    sending = Thread(target=send)
    sending.start()
    arrived = []
    while opened := receive_object(process.fileno()):
        arrived.append(opened())
    sending.join()
    return arrived


def test_arrays_arrive_as_they_were_sent(ends):
    large = np.arange(3_000_000, dtype=np.int64)  # more than the socket holds at once
    given = {"large": large, "none": np.empty((0, 3), np.float32), "text": np.array(["a", "bc"])}
    found, after = crossed(ends, given, [1, 2])
    assert list(found) == list(given)
    for name, array in given.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    assert after == [1, 2]


def test_an_array_can_be_written_where_it_could_be_before(ends):
    (found,) = crossed(ends, [np.arange(3), np.frombuffer(b"\x01\x02\x03", np.uint8)])
    found[0][0] = 9
    assert found[0].tolist() == [9, 1, 2]
    assert found[1].tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="WRITEABLE"):
        found[1].flags.writeable = True


def resident_kib(mapped_file):
    """How much of a mapped file this process holds."""
    _, after = Path("/proc/self/smaps").read_text().split(f"{mapped_file}\n", 1)
    return next(int(x.split()[1]) for x in after.splitlines() if x.startswith("Rss:"))


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="no /proc here")
def test_pages_of_a_mapped_file_are_let_go_once_they_are_sent(ends, tmp_path):
    path = tmp_path / "surrogate"
    path.write_bytes(bytes(range(256)) * 8000)
    with path.open("rb") as file:
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    content = np.frombuffer(whole, np.uint8, offset=7)
    expected = content.copy()
    assert resident_kib(path) >= 2000
    (found,) = crossed(ends, {"content": content})
    assert resident_kib(path) == 0
    np.testing.assert_array_equal(found["content"], expected)
    np.testing.assert_array_equal(content, expected)  # and are read again where they are wanted


def test_sequences_arrive_in_memory_that_nobody_can_make_writable(ends):
    (found,) = crossed(ends, Sequences.of([[1, 2], [3]]))
    assert [row.tolist() for row in found] == [[1, 2], [3]]
    with pytest.raises(ValueError, match="WRITEABLE"):
        found.items.flags.writeable = True


def test_what_can_not_be_opened_leaves_nothing_in_the_channel(ends):
    host, process = ends
    channel = Channel(host, lambda event: None)
    send_object(channel, np.arange(5))
    send_object(channel, "next")
    receive_object(process.fileno())  # not opened
    assert receive_object(process.fileno())() == "next"


def test_a_fitted_recommender_is_opened_once_and_its_bytes_are_let_go():
    import pickle
    import weakref

    content = np.frombuffer(bytearray(pickle.dumps({"a": 1})), np.uint8)
    gone = weakref.ref(content)
    pickled = PickledRecommender(content)
    del content
    first = pickled.open()
    assert first == {"a": 1}
    assert gone() is None
    assert pickled.open() is first
